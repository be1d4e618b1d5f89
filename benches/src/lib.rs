//! The benchmarks of the project: one program each, in `src/bin`. Each prints a line of JSON per
//! configuration; `cargo xtask bench` runs them all and makes a table of the lines.
