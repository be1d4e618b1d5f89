//! Panics in handlers, caught: a crash with a cause.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::path::Path;
use std::sync::Once;

// The panic hook is the process's; these say whether the panic is one of ours to catch, and keep
// what it said. They hold no state of any run.
std::thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The file of a line of code, as its reader knows it: of an absolute path the name alone, for it
/// would tell of the machine and not of the code.
pub fn file_of<'a>(at: &'a Location<'_>) -> &'a str {
    let path = Path::new(at.file());
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_absolute());
    name.unwrap_or(at.file())
}

/// Runs `handler`; a panic in it prints nothing.
///
/// # Errors
/// What the panic said, and where.
///
/// ```
/// # use splitbrain_core::caught;
/// assert_eq!(caught(|| 7), Ok(7));
/// let said = caught(|| panic!("no quorum of {}", 0)).unwrap_err();
/// assert!(said.starts_with("no quorum of 0 at "));
/// ```
pub fn caught<T>(handler: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if CATCHING.get() {
                let at = panic
                    .location()
                    .map_or_else(String::new, |at| format!(" at {}:{}", file_of(at), at.line()));
                let message = panic.payload_as_str().unwrap_or("a panic without a message");
                SAID.set(format!("{message}{at}"));
            } else {
                usual(panic);
            }
        }));
    });
    CATCHING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(handler));
    CATCHING.set(false);
    outcome.map_err(|_| SAID.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_returned_with_its_message_and_place() {
        let said = caught(|| panic!("the log has {} holes", 2)).unwrap_err();
        assert!(said.starts_with("the log has 2 holes at "), "{said}");
        assert!(said.contains("caught.rs:"), "{said}");
    }
}
