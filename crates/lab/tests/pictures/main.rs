//! What stories, diagrams and screens look like: for runs written by hand, beside files that a
//! person has read (`UPDATE=1` writes them anew), and for runs that mean harm.

#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod worlds;
