//! For random wishes: the rounds come to an end, from wherever they begin, and then all is as wished.

use proptest::prelude::*;

use super::super::super::*;
use super::eks::Eks;
use super::wishes::{CREATOR, wish};

const MOST_ROUNDS: usize = 400;

/// Rounds till `next` has nothing more to do; the last answer. `rounds`: a run that is killed after so many, in the middle of its steps.
fn drive(eks: &mut Eks, wish: &Wish, rounds: usize) -> Option<Next> {
    let mut run = Run::begin(&eks.seen);
    for round in 1..=rounds {
        match next(wish, &eks.seen, &run) {
            Next::Do(steps) => {
                let killed_after = if round == rounds { steps.len() / 2 } else { steps.len() };
                for step in steps.into_iter().take(killed_after) {
                    eks.perform(wish, &step);
                    assert!(run.done.insert(step), "no step is asked for twice");
                }
            }
            Next::Wait(reason) => assert!(!reason.is_empty()),
            Next::Ailing(fault) => assert!(!fault.what.is_empty()),
            end => return Some(end),
        }
        eks.pass();
    }
    None
}

fn assert_done(eks: &mut Eks, wish: &Wish) {
    let end = drive(eks, wish, MOST_ROUNDS);
    assert_eq!(end, Some(Next::Done), "{:#?}", eks.seen);
    assert_eq!(drift(wish, &eks.seen), Vec::<String>::new());
    assert_eq!(next(wish, &eks.seen, &Run::begin(&eks.seen)), Next::Done);
    assert_eq!(eks.seen.cluster.as_ref().unwrap().tags.get(tags::PHASE), None);
}

fn assert_removed(eks: &mut Eks) {
    let mut run = Run::begin(&eks.seen);
    for _ in 0..MOST_ROUNDS {
        match next_removal(&eks.seen, &run) {
            Next::Do(steps) => {
                for step in steps {
                    eks.perform(&Wish::default(), &step);
                    assert!(run.done.insert(step), "no step is asked for twice");
                }
            }
            Next::Wait(reason) => assert!(!reason.is_empty()),
            end => {
                assert_eq!(end, Next::Done);
                assert_eq!(eks.seen, Seen::default());
                return;
            }
        }
        eks.pass();
    }
    panic!("no end: {:#?}", eks.seen);
}

/// The wish after another: what it no longer wishes is known.
fn after(prior: &Wish, wish: Wish) -> Wish {
    let dropped_tags = prior.tags.keys().filter(|key| !wish.tags.contains_key(*key)).cloned().collect();
    Wish { dropped_tags, ..wish }
}

/// Whether the wish can be had of this cluster: else it says so.
fn is_possible(wish: &Wish, eks: &Eks) -> bool {
    eks.seen.cluster.as_ref().is_none_or(|cluster| compare::fixed(wish, cluster).is_empty())
}

fn add_others(eks: &mut Eks) {
    let group = NodeGroupSeen { arn: "other-group".to_owned(), status: PartStatus::Active, ..NodeGroupSeen::default() };
    eks.seen.node_groups.insert("others".to_owned(), group);
    let add_on = AddOnSeen { arn: "other-add-on".to_owned(), status: PartStatus::Active, ..AddOnSeen::default() };
    eks.seen.add_ons.insert("others".to_owned(), add_on);
    let entry = AccessEntrySeen { arn: "other-entry".to_owned(), ..AccessEntrySeen::default() };
    eks.seen.access_entries.insert("others".to_owned(), entry.clone());
    eks.seen.access_entries.entry(CREATOR.to_owned()).or_insert(AccessEntrySeen { arn: "creator-entry".to_owned(), ..entry });
    let identity = PodIdentity { namespace: "others".to_owned(), service_account: "o".to_owned(), role_arn: "r".to_owned() };
    eks.seen.pod_identities.insert(identity, PodIdentitySeen::default());
}

fn others(seen: &Seen) -> Seen {
    Seen {
        cluster: None,
        node_groups: seen.node_groups.iter().filter(|(name, _)| *name == "others").map(|(k, v)| (k.clone(), v.clone())).collect(),
        add_ons: seen.add_ons.iter().filter(|(name, _)| *name == "others").map(|(k, v)| (k.clone(), v.clone())).collect(),
        access_entries: seen.access_entries.iter().filter(|(name, _)| *name == "others").map(|(k, v)| (k.clone(), v.clone())).collect(),
        pod_identities: seen
            .pod_identities
            .iter()
            .filter(|(id, _)| id.namespace == "others")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    }
}

proptest! {
    #[test]
    fn from_nothing_all_becomes_as_wished_and_then_goes_again(wish in wish(), dice: u64) {
        let mut eks = Eks::new(dice);
        assert_done(&mut eks, &wish);
        assert_removed(&mut eks);
    }

    #[test]
    fn from_one_wish_another_is_reached_and_what_is_others_is_left_alone(first in wish(), second in wish(), dice: u64) {
        let mut eks = Eks::new(dice);
        assert_done(&mut eks, &first);
        add_others(&mut eks);
        let before = others(&eks.seen);
        let second = after(&first, second);
        if is_possible(&second, &eks) {
            assert_done(&mut eks, &second);
        } else {
            prop_assert!(matches!(drive(&mut eks, &second, MOST_ROUNDS), Some(Next::Failed(_))));
        }
        prop_assert_eq!(others(&eks.seen), before);
    }

    #[test]
    fn a_run_that_was_killed_anywhere_is_continued(first in wish(), second in wish(), killed in 1..40_usize, changed: bool, dice: u64) {
        let mut eks = Eks::new(dice);
        if changed {
            assert_done(&mut eks, &first);
        }
        let second = after(&first, second);
        if is_possible(&second, &eks) {
            drive(&mut eks, &second, killed);
            assert_done(&mut eks, &second);
        }
        assert_removed(&mut eks);
    }

    #[test]
    fn a_killed_run_is_followed_by_another_wish(first in wish(), second in wish(), killed in 1..40_usize, dice: u64) {
        let mut eks = Eks::new(dice);
        drive(&mut eks, &first, killed);
        let second = after(&first, second);
        if is_possible(&second, &eks) {
            assert_done(&mut eks, &second);
        }
        assert_removed(&mut eks);
    }

    #[test]
    fn what_failed_in_an_earlier_run_is_mended_by_the_next(first in wish(), second in wish(), dice: u64) {
        let mut eks = Eks::new(dice);
        eks.failing = 40;
        let end = drive(&mut eks, &first, MOST_ROUNDS);
        prop_assert!(matches!(end, Some(Next::Done | Next::Failed(_))), "{:?}", end);
        eks.failing = 0;
        assert_done(&mut eks, &first);
        let second = after(&first, second);
        if is_possible(&second, &eks) {
            eks.failing = 40;
            drive(&mut eks, &second, MOST_ROUNDS);
            eks.failing = 0;
            assert_done(&mut eks, &second);
        }
    }

    #[test]
    fn every_beginning_can_be_removed(wish in wish(), killed in 1..40_usize, failing in 0..60_u64, dice: u64) {
        let mut eks = Eks::new(dice);
        eks.failing = failing;
        drive(&mut eks, &wish, killed);
        eks.failing = 0;
        assert_removed(&mut eks);
    }

    #[test]
    fn what_is_read_for_an_import_is_what_is_there(wish in wish(), dice: u64) {
        let mut eks = Eks::new(dice);
        assert_done(&mut eks, &wish);
        add_others(&mut eks);
        let read = wish_of(&eks.seen);
        prop_assert_eq!(drift(&read, &eks.seen), Vec::<String>::new());
        prop_assert_eq!(next(&read, &eks.seen, &Run::begin(&eks.seen)), Next::Done);
        prop_assert_eq!((&read.name, &read.owner, &read.tags), (&wish.name, &wish.owner, &wish.tags));
        prop_assert_eq!(read.node_groups.len(), wish.node_groups.len());
    }

    #[test]
    fn drift_is_told_exactly_when_there_is_something_to_do(first in wish(), second in wish(), killed in 1..30_usize, dice: u64) {
        let mut eks = Eks::new(dice);
        drive(&mut eks, &first, killed);
        for wish in [&first, &second] {
            if next(wish, &eks.seen, &Run::default()) == Next::Done {
                prop_assert_eq!(drift(wish, &eks.seen), Vec::<String>::new());
            } else if drift(wish, &eks.seen).is_empty() {
                prop_assert!(matches!(next(wish, &eks.seen, &Run::default()), Next::Wait(_) | Next::Ailing(_)));
            }
        }
    }
}
