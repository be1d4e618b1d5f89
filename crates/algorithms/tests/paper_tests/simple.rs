//! Echo and unique ids.

use std::collections::BTreeSet;

use splitbrain_algorithms::echo::Echo;
use splitbrain_algorithms::unique_ids::UniqueIds;
use splitbrain_core::workload::{echo, unique_ids};

use crate::stage::{Stage, replies, sent};

#[test]
fn echo_answers_once_with_the_same_text() {
    let mut stage = Stage::<Echo>::boot(0, 1);
    let effects = stage.request(echo::Request::Echo { echo: "hallo".into() });
    assert_eq!(replies(&effects), [Ok(echo::Response::EchoOk { echo: "hallo".into() })]);
    assert!(sent(&effects).is_empty());
}

#[test]
fn ids_differ_between_nodes_lives_and_requests() {
    let mut given = BTreeSet::new();
    for node in 0..3 {
        let mut stage = Stage::<UniqueIds>::boot(node, 3);
        for _life in 0..3 {
            for _request in 0..3 {
                let effects = stage.request(unique_ids::Request::Generate);
                let answers = replies(&effects);
                assert_eq!(answers.len(), 1);
                assert!(given.insert(answers[0].clone()), "{answers:?} was given before");
            }
            stage = stage.reboot();
        }
    }
}
