//! What a node's answer means, read against the request that it answers.

use splitbrain_core::ErrorCode;
use splitbrain_core::workload::Workload;

use crate::protocol::{Head, shown};

/// An answer: a response, or an error and what it says.
pub(crate) type Answer<W> = Result<<W as splitbrain_core::Api>::Response, (ErrorCode, String)>;

/// Reads the answer in `body` to `request`.
///
/// # Errors
/// When it is neither a response to this request nor an error: a sentence.
pub(crate) fn read<W: Workload>(
    request: &W::Request,
    head: &Head<'_>,
    body: &str,
) -> Result<Answer<W>, String> {
    let asked = serde_json::to_string(request).unwrap_or_default();
    let wrong = |why: String| {
        let answer = shown(body.as_bytes());
        format!("it answered `{asked}` with `{answer}`: {why} (see Maelstrom's doc/workloads.md)")
    };
    if head.kind == "error" {
        let text = head.text.as_deref().unwrap_or("").to_owned();
        return match head.code {
            Some(code) => Ok(Err((ErrorCode(code), text))),
            None => Err(wrong("an error must have a `code`, a number".into())),
        };
    }
    let expected =
        Head::parse(&asked).map_or_else(|_| String::new(), |it| format!("{}_ok", it.kind));
    if head.kind != expected {
        return Err(wrong(format!("expected the type `{expected}`, or `error`")));
    }
    serde_json::from_str(body).map(Ok).map_err(|error| wrong(error.to_string()))
}
