//! Many worlds and one answer: campaigns over seeds, and what a run says to people.
//!
//! PROBLEM     A failing run is ten thousand events, and a verdict without a reason teaches
//!             nothing.
//! IDEA        A campaign finds a world that fails and shrinks it. Its finding names the operations
//!             that cannot be; from them the few events that decide it are found, told and drawn.
//! RULES       Stories, diagrams and screens are functions of their input: no clock, no terminal,
//!             no printing. What came from a node is escaped before it is shown.
//! READ NEXT   campaign.rs → evidence.rs → story.rs → diagram.rs → screen.rs

mod campaign;
mod diagram;
mod evidence;
pub mod runs;
mod screen;
mod session;
mod story;
mod style;

pub use campaign::{Control, Failure, Plan, Progress, Report, campaign, examine};
pub use diagram::{svg, text};
pub use evidence::Evidence;
pub use runs::Keep;
pub use screen::{Counts, Latency, Metrics, Screen, Step};
pub use session::{Session, SessionError, describe, evidence, write_err, write_out};
pub use story::{Story, StoryLine, listing};
pub use style::{Colour, Glyphs, Style};
