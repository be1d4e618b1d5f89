//! Whatever the text is, reading it as a recipe ends without a panic; what was read is written and
//! read back unchanged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain_sim::Recipe;

fuzz_target!(|text: &str| {
    if let Ok(recipe) = Recipe::from_json(text) {
        assert_eq!(Recipe::from_json(&recipe.to_json()).as_ref(), Ok(&recipe));
    }
});
