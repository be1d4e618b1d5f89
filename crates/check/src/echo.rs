//! `echo`: the answer must be the text that was sent.

use splitbrain_core::workload::echo::{Echo, Request, Response};
use splitbrain_core::{History, Verdict};

use crate::Judge;
use crate::cases::Cases;
use crate::planted::{Planted, planted};

impl Judge for Echo {
    /// `ECHO-WRONG`: another text came back.
    fn judge(history: &History<Self>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut wrong = Cases::new("ECHO-WRONG");
        let mut answered = false;
        for (at, operation) in history.operations.iter().enumerate() {
            let Request::Echo { echo: asked } = &operation.request;
            let Some(Response::EchoOk { echo: said }) = operation.response() else { continue };
            answered = true;
            let same = if planted(Planted::EchoByLength) {
                asked.len() == said.len()
            } else {
                asked == said
            };
            if !same {
                let (process, node, at_time) =
                    (operation.process, operation.node, operation.invoked.at);
                let sentence = || {
                    format!(
                        "{process} asked {node} at {at_time} to echo {}, and {node} said {}",
                        quoted(asked),
                        quoted(said)
                    )
                };
                wrong.add(sentence, [at]);
            }
        }
        wrong.into_verdict(&mut verdict);
        if !answered {
            verdict.undecided.push("no request was answered".into());
        }
        verdict
    }
}

/// The text in quotes, escaped; the end of a long one is left out.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = text.chars().take(SHOWN).collect();
    let cut = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{cut}")
}
