//! The rules a sizing must keep, held by examples and by properties over thousands of wishes.

use proptest::prelude::*;

use super::*;
use crate::domain::quantity::{ByteRate, GIB, MIB};

fn wish(ingress: &str, egress: &str, hours: &str) -> Wish {
    Wish {
        ingress: ingress.parse().unwrap(),
        egress: egress.parse().unwrap(),
        retention: Retention::from_hours(hours).unwrap(),
        partitions: None,
    }
}

fn sized(wish: &Wish) -> Sizing {
    size(wish, &Overrides::default(), None).unwrap()
}

fn refused(wish: &Wish, overrides: &Overrides, floor: Option<&Floor>) -> Vec<SizingError> {
    size(wish, overrides, floor).unwrap_err()
}

fn only(errors: &[SizingError]) -> (Figure, String) {
    assert_eq!(errors.len(), 1, "{errors:?}");
    (errors[0].figure(), errors[0].to_string())
}

#[test]
fn a_small_wish_gets_three_of_the_smallest_machines() {
    let sizing = sized(&wish("1", "2", "24"));
    assert_eq!((sizing.brokers, sizing.instance_type.as_str(), sizing.controllers), (3, "m7g.large", 3));
    assert_eq!((sizing.volume_mib_per_second, sizing.volume_iops), (125, 3_000));
    assert_eq!((sizing.replication_factor, sizing.min_insync_replicas), (3, 2));
    // 84.4 GiB kept + 15.6 GiB in segments, x 3 / 3 / 0.7 + 10.
    assert_eq!(sizing.volume_gib, 153);
    assert_eq!(sizing.retention_ms, 86_400_000);
    assert_eq!(sizing.segment_bytes, 16 * MIB);
    assert_eq!(sizing.quota_ingress_bytes_per_second_per_broker, MIB / 2);
}

#[test]
fn the_wish_of_the_documentation_is_carried_with_one_broker_lost() {
    let sizing = sized(&wish("50", "150", "24"));
    // 3 x m7g.large: 2 x 75.1 MiB/s to EBS >= 150, but 2 x 111.7 MiB/s of network < 150 + 100.
    assert_eq!((sizing.brokers, sizing.instance_type.as_str()), (3, "m7g.xlarge"));
    let reason = &sizing.reasons[&Figure::InstanceType];
    assert!(reason.contains("3 x m7g.large do not: 3 brokers with one lost send 2 x 111.7 MiB/s = 223.4 MiB/s"), "{reason}");
    // Three days of it are 12.4 TiB, more than three volumes hold.
    let sizing = sized(&wish("50", "150", "72"));
    assert_eq!(sizing.brokers, 6);
    let reason = &sizing.reasons[&Figure::Brokers];
    assert!(reason.contains("3 x m7g.2xlarge do not: (12657 GiB kept") && reason.contains("at most 16384 GiB"), "{reason}");
}

#[test]
fn every_figure_has_its_reason() {
    let reasons = sized(&wish("50", "150", "72")).reasons;
    for figure in [
        Figure::Brokers,
        Figure::Controllers,
        Figure::InstanceType,
        Figure::BrokerResources,
        Figure::ControllerResources,
        Figure::VolumeGib,
        Figure::VolumeMibPerSecond,
        Figure::VolumeIops,
        Figure::MaxPartitions,
        Figure::MaxConnections,
        Figure::Quotas,
        Figure::RetentionMs,
        Figure::SegmentBytes,
        Figure::Totals,
    ] {
        assert!(!reasons[&figure].is_empty(), "{figure}");
    }
}

#[test]
fn retention_in_gib_becomes_the_time_in_which_the_promise_fills_it() {
    let wish = Wish { retention: Retention::from_gib(50).unwrap(), ..wish("1", "1", "1") };
    assert_eq!(sized(&wish).retention_ms, 51_200_000);
}

#[test]
fn retention_of_nothing_and_of_too_much_is_refused() {
    assert_eq!(Retention::from_hours("0"), Err(RetentionError::Zero));
    assert_eq!(Retention::from_gib(0), Err(RetentionError::Zero));
    assert!(matches!(Retention::from_hours("-1"), Err(RetentionError::Negative { .. })));
    assert!(matches!(Retention::from_hours("NaN"), Err(RetentionError::NotANumber { .. })));
    assert!(matches!(Retention::from_hours("0.00000001"), Err(RetentionError::TooShort { .. })));
    assert!(matches!(Retention::from_hours("87601"), Err(RetentionError::TooLong { .. })));
    assert!(matches!(Retention::from_hours("1e90"), Err(RetentionError::TooLong { .. })));
    assert!(matches!(Retention::from_gib(u64::MAX), Err(RetentionError::TooMuch { .. })));
}

#[test]
fn hours_print_as_they_were_written() {
    for text in ["72", "0.5", "0.1", "168", "1.25", "0.3333"] {
        let Retention::Time { ms } = Retention::from_hours(text).unwrap() else { panic!("{text}") };
        assert_eq!(Retention::hours_text(ms), text);
    }
}

#[test]
fn too_few_brokers_are_refused_with_the_arithmetic() {
    let overrides = Overrides { brokers: Some(3), instance_type: Some("m7g.large".into()), ..Overrides::default() };
    let (figure, message) = only(&refused(&wish("100", "10", "1"), &overrides, None));
    assert_eq!(figure, Figure::Brokers);
    assert!(message.contains("3 brokers with one lost write 2 x 75.1 MiB/s = 150.2 MiB/s"), "{message}");
    assert!(message.contains("the wish needs 100 MiB/s x 3 replicas = 300 MiB/s"), "{message}");
    assert!(message.contains("3 x m7g.large carry at most 50.1 MiB/s of ingress"), "{message}");
}

#[test]
fn all_faults_are_told_at_once() {
    let overrides = Overrides {
        brokers: Some(2),
        instance_type: Some("t3.nano".into()),
        volume_gib: Some(12),
        volume_mib_per_second: Some(5_000),
        volume_iops: Some(10),
    };
    let floor = Floor { volume_gib: 100, ..Floor::default() };
    let errors = refused(&Wish { partitions: Some(0), ..wish("50", "50", "72") }, &overrides, Some(&floor));
    let figures: Vec<Figure> = errors.iter().map(SizingError::figure).collect();
    for figure in
        [Figure::Partitions, Figure::Brokers, Figure::InstanceType, Figure::VolumeGib, Figure::VolumeMibPerSecond, Figure::VolumeIops]
    {
        assert!(figures.contains(&figure), "{figure} not in {errors:?}");
    }
    let unknown = errors.iter().find(|e| e.figure() == Figure::InstanceType).unwrap().to_string();
    assert!(unknown.contains("\"t3.nano\" is not known; known are m5.large"), "{unknown}");
    let shrinks = errors.iter().find(|e| matches!(e, SizingError::Shrinks { .. })).unwrap().to_string();
    assert!(shrinks.contains("less than the 100 GiB that exist"), "{shrinks}");
}

#[test]
fn a_volume_too_small_or_too_slow_for_the_wish_is_refused_with_the_arithmetic() {
    let overrides = Overrides { volume_gib: Some(100), ..Overrides::default() };
    let (figure, message) = only(&refused(&wish("10", "10", "72"), &overrides, None));
    assert_eq!(figure, Figure::VolumeGib);
    assert!(message.contains("x 3 replicas / 3 brokers / 70 % fill + 10 GiB reserve"), "{message}");
    let overrides = Overrides { volume_mib_per_second: Some(125), ..Overrides::default() };
    let (figure, message) = only(&refused(&wish("150", "150", "1"), &overrides, None));
    assert_eq!(figure, Figure::VolumeMibPerSecond);
    assert!(message.contains("2 x 125 MiB/s = 250 MiB/s (the volume's throughput)"), "{message}");
    let overrides = Overrides { volume_mib_per_second: Some(1_000), volume_iops: Some(3_000), ..Overrides::default() };
    let (figure, message) = only(&refused(&wish("10", "10", "1"), &overrides, None));
    assert_eq!(figure, Figure::VolumeIops);
    assert!(message.contains("1000 MiB/s need 1000 x 4 = 4000 IOPS"), "{message}");
}

#[test]
fn a_wish_beyond_the_largest_layout_is_refused_with_the_limit_and_what_would_go() {
    let errors = refused(&wish("100000", "200000", "1"), &Overrides::default(), None);
    let figures: Vec<Figure> = errors.iter().map(SizingError::figure).collect();
    assert!(figures.contains(&Figure::Ingress) && figures.contains(&Figure::Egress), "{errors:?}");
    let message = errors[0].to_string();
    assert!(message.contains("the largest layout, 60 x m7g.8xlarge, carries"), "{message}");
    let (figure, message) = only(&refused(&wish("1000", "1000", "87600"), &Overrides::default(), None));
    assert_eq!(figure, Figure::Retention);
    assert!(message.contains("a volume holds at most 16384 GiB") && message.contains(" h"), "{message}");
}

#[test]
fn what_exists_is_kept_and_the_reason_says_so() {
    let floor = Floor { brokers: 6, volume_gib: 900, instance_type: Some("m7g.2xlarge".into()) };
    let sizing = size(&wish("1", "1", "1"), &Overrides::default(), Some(&floor)).unwrap();
    assert_eq!((sizing.brokers, sizing.volume_gib, sizing.instance_type.as_str()), (6, 900, "m7g.2xlarge"));
    for figure in [Figure::Brokers, Figure::VolumeGib, Figure::InstanceType] {
        assert!(sizing.reasons[&figure].starts_with("kept: "), "{figure}: {}", sizing.reasons[&figure]);
    }
}

#[test]
fn an_explicit_figure_may_take_brokers_away() {
    let floor = Floor { brokers: 6, ..Floor::default() };
    let overrides = Overrides { brokers: Some(3), ..Overrides::default() };
    assert_eq!(size(&wish("1", "1", "1"), &overrides, Some(&floor)).unwrap().brokers, 3);
}

#[test]
fn figures_as_large_as_numbers_go_are_refused_without_overflow() {
    let overrides = Overrides {
        brokers: Some(u32::MAX),
        instance_type: None,
        volume_gib: Some(u64::MAX),
        volume_mib_per_second: Some(u64::MAX),
        volume_iops: Some(u64::MAX),
    };
    let errors = refused(&Wish { partitions: Some(u32::MAX), ..wish("1000000", "1000000", "87600") }, &overrides, None);
    assert!(errors.len() >= 5, "{errors:?}");
    let floor = Floor { brokers: u32::MAX / CONNECTIONS_PER_BROKER, volume_gib: 16_384, instance_type: Some("gone.large".into()) };
    assert!(size(&wish("1", "1", "1"), &Overrides::default(), Some(&floor)).is_ok());
}

fn wishes() -> impl Strategy<Value = Wish> {
    // Exponents spread the wishes evenly over the chain of layouts.
    let rate = || (10_u32..34, 0_u64..1024).prop_map(|(bits, more)| ByteRate::try_from((1 << bits) + (more << (bits - 10))).unwrap());
    let retention = prop_oneof![
        (10_u32..32).prop_map(|bits| Retention::Time { ms: 1 << bits }),
        (0_u32..18, 0_u64..10).prop_map(|(bits, more)| Retention::Size { gib: (1 << bits) + more }),
    ];
    (rate(), rate(), retention, proptest::option::of(1_u32..80_000)).prop_map(|(ingress, egress, retention, partitions)| Wish {
        ingress,
        egress,
        retention,
        partitions,
    })
}

/// What must never fall when a wish grows.
fn amounts(sizing: &Sizing) -> [u64; 8] {
    let brokers = u64::from(sizing.brokers);
    [
        brokers,
        u64::from(sizing.broker_vcpus),
        sizing.totals.storage_gib,
        sizing.totals.vcpus,
        sizing.totals.memory_gib,
        brokers * sizing.volume_mib_per_second,
        brokers * sizing.volume_iops,
        brokers * sizing.broker_memory_mib,
    ]
}

fn grows(smaller: &Wish, larger: &Wish) -> Result<(), TestCaseError> {
    match (size(smaller, &Overrides::default(), None), size(larger, &Overrides::default(), None)) {
        (Ok(a), Ok(b)) => {
            for (a, b) in amounts(&a).into_iter().zip(amounts(&b)) {
                prop_assert!(b >= a, "{smaller:?} -> {larger:?}: {a} -> {b}");
            }
        }
        (Err(_), Ok(_)) => prop_assert!(false, "{smaller:?} is refused and {larger:?} is not"),
        (_, Err(_)) => {}
    }
    Ok(())
}

/// The rule told once more from the published formula, in bytes per second on decimal machine figures.
fn carries_with_one_lost(wish: &Wish, sizing: &Sizing) -> bool {
    let machine = instance::find(&sizing.instance_type).unwrap();
    let left = u128::from(sizing.brokers - 1);
    let (ingress, egress) = (u128::from(wish.ingress.bytes_per_second()), u128::from(wish.egress.bytes_per_second()));
    let network = left * u128::from(machine.network_mbps) * 125_000;
    let disk = (u128::from(machine.ebs_mbps) * 125_000).min(u128::from(sizing.volume_mib_per_second) << 20);
    let space = u128::from(sizing.brokers) * u128::from(sizing.volume_gib) * u128::from(GIB);
    let bytes = ingress * u128::from(sizing.retention_ms) / 1000;
    ingress * 3 <= left * disk
        && ingress * 3 <= network
        && egress + ingress * 2 <= network
        && bytes * 3 <= space * 7 / 10
        && sizing.volume_gib <= 16_384
        && u64::from(wish.partitions.unwrap_or(0)) <= sizing.max_partitions
        && sizing.volume_mib_per_second * 4 <= sizing.volume_iops
        && sizing.volume_iops <= sizing.volume_gib * 500
        && left * u128::from(sizing.quota_ingress_bytes_per_second_per_broker) >= ingress
        && left * u128::from(sizing.quota_egress_bytes_per_second_per_broker) >= egress
}

fn floor_of(sizing: &Sizing) -> Floor {
    Floor { brokers: sizing.brokers, volume_gib: sizing.volume_gib, instance_type: Some(sizing.instance_type.clone()) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn more_of_anything_never_gives_less(wish in wishes(), more in 0_u64..1 << 32, bits in 0_u32..12) {
        let up = |rate: ByteRate| ByteRate::try_from(rate.bytes_per_second() + (more >> (bits * 2))).unwrap();
        grows(&wish, &Wish { ingress: up(wish.ingress), ..wish.clone() })?;
        grows(&wish, &Wish { egress: up(wish.egress), ..wish.clone() })?;
        let retention = match wish.retention {
            Retention::Time { ms } => Retention::Time { ms: ms + (more >> (bits * 2)) },
            Retention::Size { gib } => Retention::Size { gib: gib + (more >> (20 + bits)) },
        };
        grows(&wish, &Wish { retention, ..wish.clone() })?;
        let partitions = wish.partitions.map(|p| p + (more >> (20 + bits)) as u32);
        grows(&wish, &Wish { partitions, ..wish.clone() })?;
    }

    #[test]
    fn the_result_carries_the_wish_with_one_broker_down(wish in wishes()) {
        if let Ok(sizing) = size(&wish, &Overrides::default(), None) {
            prop_assert!(carries_with_one_lost(&wish, &sizing), "{wish:?} {sizing:?}");
        }
    }

    #[test]
    fn the_same_wish_gives_the_same_figures(wish in wishes()) {
        prop_assert_eq!(size(&wish, &Overrides::default(), None), size(&wish, &Overrides::default(), None));
    }

    #[test]
    fn nothing_falls_below_what_exists(wish in wishes(), brokers in 3_u32..60, volume_gib in 1_u64..16_384) {
        let floor = Floor { brokers, volume_gib, instance_type: Some("m7g.xlarge".into()) };
        if let Ok(sizing) = size(&wish, &Overrides::default(), Some(&floor)) {
            prop_assert!(sizing.brokers >= brokers && sizing.volume_gib >= volume_gib && sizing.broker_vcpus >= 4);
            prop_assert!(carries_with_one_lost(&wish, &sizing));
        }
    }

    // Apply and every later look at a tenant size it again with what the plan promised as what exists.
    #[test]
    fn a_tenant_that_was_changed_keeps_its_figures_and_reasons(before in wishes(), after in wishes(), own in proptest::option::of(3_u32..12)) {
        let own = Overrides { brokers: own, ..Overrides::default() };
        if let Ok(first) = size(&before, &own, None)
            && let Ok(changed) = size(&after, &Overrides::default(), Some(&floor_of(&first)))
        {
            prop_assert_eq!(size(&after, &Overrides::default(), Some(&floor_of(&changed))), Ok(changed));
        }
    }

    #[test]
    fn own_figures_are_taken_or_refused(wish in wishes(), brokers in 3_u32..60, volume_gib in 1_u64..16_384, mib in 125_u64..1_000) {
        let overrides = Overrides { brokers: Some(brokers), volume_gib: Some(volume_gib), volume_mib_per_second: Some(mib), ..Overrides::default() };
        if let Ok(sizing) = size(&wish, &overrides, None) {
            prop_assert_eq!((sizing.brokers, sizing.volume_gib, sizing.volume_mib_per_second), (brokers, volume_gib, mib));
            prop_assert!(carries_with_one_lost(&wish, &sizing));
        }
    }
}

#[test]
fn what_exists_raises_a_figure_of_ones_own_and_never_lowers_it() {
    let own = Overrides { brokers: Some(4), volume_gib: Some(500), volume_iops: Some(4000), ..Overrides::default() };
    let there = |brokers, volume_gib| Floor { brokers, volume_gib, instance_type: None };
    for (existing, brokers, gib) in [(there(3, 100), 4, 500), (there(6, 900), 6, 900)] {
        let held = own.at_least(&existing);
        assert_eq!((held.brokers, held.volume_gib, held.volume_iops), (Some(brokers), Some(gib), Some(4000)));
    }
    assert_eq!(Overrides::default().at_least(&there(6, 900)), Overrides::default());
}

#[test]
fn a_look_follows_the_brokers_that_are_there_and_a_change_takes_only_those_away_that_its_plan_knew_of() {
    let floor = |brokers, volume_gib, machine: &str| Floor { brokers, volume_gib, instance_type: Some(machine.to_owned()) };
    let (known, more, fewer) = (floor(4, 200, "m7g.large"), floor(6, 100, "m7g.xlarge"), floor(3, 300, "m7g.large"));
    assert_eq!(Floor::seen(Some(known.clone()), Some(more.clone())), Some(floor(6, 200, "m7g.large")));
    assert_eq!(Floor::seen(Some(known.clone()), Some(fewer.clone())), Some(floor(3, 300, "m7g.large")));
    let (joined, unknown) = (|planned, live| Floor::joined(planned, live, true), |planned, live| Floor::joined(planned, live, false));
    assert_eq!(unknown(Some(known.clone()), Some(more.clone())), Some(floor(6, 200, "m7g.large")));
    assert_eq!(joined(Some(known.clone()), Some(more.clone())), Some(floor(4, 200, "m7g.large")));
    assert_eq!(unknown(Some(known.clone()), Some(fewer)), Some(floor(4, 300, "m7g.large")));
    for join in [Floor::seen, joined, unknown] {
        assert_eq!(join(Some(known.clone()), None), Some(known.clone()));
        assert_eq!(join(None, Some(more.clone())), Some(more.clone()));
        assert_eq!(join(None, None), None);
    }
}
