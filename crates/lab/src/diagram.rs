//! The space-time diagram: one line for each participant, time along it, messages across.
//!
//! PROBLEM     Prose tells an order; it cannot show that two things happened without knowing of one
//!             another. A picture of lines can [lamport1978 §1].
//! IDEA        What is drawn ([`scene`]) is apart from where ([`scale`]) and with what
//!             ([`theme`](splitbrain_check::show::theme)). The same scene becomes an SVG for
//!             reports and the README, and text for a terminal.
//! RULES       The same trace gives the same bytes. Texts of nodes are escaped; no scripts, no
//!             links; colours come from the theme alone. Nothing is told by colour alone.
//! CAVEATS     Made for shrunk runs. Of a long one the last part is drawn, and the picture says so.
//! READ NEXT   scene.rs → scale.rs → svg.rs → text.rs; places and colours are in `splitbrain-check`

mod scale;
mod scene;
mod svg;
mod text;

pub use svg::svg;
pub use text::text;
