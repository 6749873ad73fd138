//! Whether the user's own figures can be, and which layout carries the wish.

use super::REPLICAS;
use super::error::{Figure, SizingError};
use super::instance;
use super::layout::{Layout, MAX_BROKERS, MIN_BROKERS, candidates};
use super::load::loads;
use super::volume::{self, MAX_GIB, MAX_IOPS, MAX_MIB_PER_SECOND, MIN_IOPS, MIN_MIB_PER_SECOND};
use super::wish::{Floor, Overrides, Retention, Wish};
use crate::domain::quantity::rough_mib;

/// What can be said without a layout: names and ranges.
pub fn ranges(wish: &Wish, overrides: &Overrides, floor: &Floor) -> Vec<SizingError> {
    let mut errors = Vec::new();
    let mut within = |figure, found: Option<u64>, min, max, why| {
        if let Some(found) = found.filter(|found| !(min..=max).contains(found)) {
            errors.push(SizingError::OutOfRange { figure, found, min, max, why });
        }
    };
    let partitions = u64::from(MAX_BROKERS) * 4_000 / REPLICAS;
    within(Figure::Partitions, wish.partitions.map(u64::from), 1, partitions, "4,000 replicas on each of 60 brokers are the most");
    within(
        Figure::Brokers,
        overrides.brokers.map(u64::from),
        u64::from(MIN_BROKERS),
        u64::from(MAX_BROKERS),
        "three replicas need three brokers, and a KRaft cluster is run with up to 60",
    );
    within(Figure::VolumeGib, overrides.volume_gib, 1, MAX_GIB, "a gp3 volume holds up to 16 TiB");
    within(
        Figure::VolumeMibPerSecond,
        overrides.volume_mib_per_second,
        MIN_MIB_PER_SECOND,
        MAX_MIB_PER_SECOND,
        "a gp3 volume has 125 MiB/s at least and 1,000 MiB/s at most",
    );
    within(Figure::VolumeIops, overrides.volume_iops, MIN_IOPS, MAX_IOPS, "a gp3 volume has 3,000 IOPS at least and 16,000 at most");
    if let Some(name) = overrides.instance_type.as_ref().filter(|name| instance::find(name).is_none()) {
        errors.push(SizingError::UnknownInstanceType { name: name.clone(), known: instance::names() });
    }
    if let Some(found) = overrides.volume_gib.filter(|found| *found < floor.volume_gib) {
        errors.push(SizingError::Shrinks { found, existing: floor.volume_gib });
    }
    errors
}

/// The first layout that carries the wish. Figures found out of range by [`ranges`] are left out here, so that each fault is told once.
pub fn layout(wish: &Wish, overrides: &Overrides, floor: &Floor, found: &[SizingError]) -> Result<Layout, Vec<SizingError>> {
    let faulty = |figure| found.iter().any(|error| error.figure() == figure);
    let wish = Wish { partitions: wish.partitions.filter(|_| !faulty(Figure::Partitions)), ..wish.clone() };
    let overrides = Overrides {
        brokers: overrides.brokers.filter(|_| !faulty(Figure::Brokers)),
        instance_type: overrides.instance_type.clone().filter(|_| !faulty(Figure::InstanceType)),
        ..overrides.clone()
    };
    let candidates = candidates(&overrides, floor);
    match candidates.iter().find(|layout| carries(&wish, layout)) {
        Some(layout) => Ok(*layout),
        None => Err(candidates.last().map(|largest| refusals(&wish, &overrides, largest)).unwrap_or_default()),
    }
}

/// What exists, without what does not matter to the layout: the reasons stay the same once the layout itself is what exists.
pub fn binding(wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout) -> Floor {
    let nothing = Floor { brokers: 0, instance_type: None, ..floor.clone() };
    let brokers = Floor { brokers: floor.brokers, ..nothing.clone() };
    let machine = Floor { instance_type: floor.instance_type.clone(), ..nothing.clone() };
    let first = |floor: &Floor| candidates(overrides, floor).into_iter().find(|candidate| carries(wish, candidate));
    [nothing, brokers, machine].into_iter().find(|floor| first(floor) == Some(*layout)).unwrap_or_else(|| floor.clone())
}

/// Whether a layout, with the volumes it is given by default, carries the wish with one broker lost.
pub fn carries(wish: &Wish, layout: &Layout) -> bool {
    shortfalls(wish, layout).is_empty()
}

/// Why the layout before this one in the chain does not do; empty for the first.
pub fn why_not_smaller(wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout) -> String {
    let candidates = candidates(overrides, floor);
    let before = candidates.iter().take_while(|candidate| *candidate != layout).last();
    let shortfall = before.and_then(|before| Some((before, shortfalls(wish, before).into_iter().next()?)));
    shortfall.map_or_else(String::new, |(before, shortfall)| {
        format!("; {} x {} do not: {}", before.brokers, before.instance.name(), shortfall.arithmetic)
    })
}

/// Whether the user's volumes carry the wish on this layout and are possible at all.
pub fn volumes(wish: &Wish, overrides: &Overrides, layout: &Layout) -> Vec<SizingError> {
    let mut errors = Vec::new();
    let mut small = |figure, arithmetic, way_out| errors.push(SizingError::TooSmall { figure, arithmetic, way_out });
    let needed_gib = volume::needed_gib(wish, layout);
    if overrides.volume_gib.is_some_and(|gib| gib < needed_gib) {
        small(Figure::VolumeGib, volume::reason(wish, layout), format!("set at least {needed_gib} GiB, or leave it out"));
    }
    let throughput = overrides.volume_mib_per_second.unwrap_or_else(|| volume::default_mib_per_second(&layout.instance));
    if let Some(load) = loads(wish, layout, throughput).iter().find(|load| !load.is_carried_by(layout.brokers)) {
        let way_out = "set more MiB/s or more brokers, or leave it out".to_owned();
        small(Figure::VolumeMibPerSecond, load.arithmetic(layout.brokers), way_out);
    }
    if let Some(iops) = overrides.volume_iops {
        let needed = throughput.saturating_mul(volume::IOPS_PER_MIB_PER_SECOND);
        if iops < needed {
            let arithmetic = format!("{throughput} MiB/s need {throughput} x {} = {needed} IOPS", volume::IOPS_PER_MIB_PER_SECOND);
            small(Figure::VolumeIops, arithmetic, format!("set at least {needed}, or leave it out"));
        }
        let gib = overrides.volume_gib.unwrap_or(needed_gib);
        if iops > gib.saturating_mul(volume::IOPS_PER_GIB) {
            let most = gib.saturating_mul(volume::IOPS_PER_GIB);
            let arithmetic = format!("a volume of {gib} GiB has at most {gib} x {} = {most} IOPS", volume::IOPS_PER_GIB);
            small(Figure::VolumeIops, arithmetic, "set fewer, or a larger volume".to_owned());
        }
    }
    errors
}

/// One way in which a layout does not carry a wish.
struct Shortfall {
    /// The figure of the wish that asks for too much.
    driver: Figure,
    arithmetic: String,
    /// The most of it that this layout carries.
    largest: String,
}

fn shortfalls(wish: &Wish, layout: &Layout) -> Vec<Shortfall> {
    let brokers = layout.brokers;
    let mut shortfalls: Vec<Shortfall> = Vec::new();
    for load in loads(wish, layout, volume::default_mib_per_second(&layout.instance)) {
        // Several limits of one driver: the first says enough.
        if !load.is_carried_by(brokers) && shortfalls.iter().all(|other| other.driver != load.driver) {
            let largest = format!("{} MiB/s", rough_mib(load.largest(wish, brokers)));
            shortfalls.push(Shortfall { driver: load.driver, arithmetic: load.arithmetic(brokers), largest });
        }
    }
    let partitions = wish.partitions.map_or(0, u64::from);
    let most = volume::max_partitions(layout);
    if partitions > most {
        let each = layout.instance.partitions();
        shortfalls.push(Shortfall {
            driver: Figure::Partitions,
            arithmetic: format!(
                "{brokers} brokers x {each} replicas each / {REPLICAS} replicas of a partition = {most} partitions, the wish needs {partitions}"
            ),
            largest: format!("{most} partitions"),
        });
    }
    if volume::needed_gib(wish, layout) > MAX_GIB {
        shortfalls.push(Shortfall {
            driver: Figure::Retention,
            arithmetic: format!("{}, but a volume holds at most {MAX_GIB} GiB", volume::reason(wish, layout)),
            largest: largest_retention(wish, layout),
        });
    }
    shortfalls
}

/// Every shortfall of the largest layout as an error: at the user's own figure if he fixed one, else at the wish.
fn refusals(wish: &Wish, overrides: &Overrides, largest: &Layout) -> Vec<SizingError> {
    let own = match overrides {
        Overrides { brokers: Some(_), .. } => Some(Figure::Brokers),
        Overrides { instance_type: Some(_), .. } => Some(Figure::InstanceType),
        _ => None,
    };
    let machine = largest.instance.name();
    shortfalls(wish, largest)
        .into_iter()
        .map(|Shortfall { driver, arithmetic, largest: most }| match own {
            Some(figure) => SizingError::TooSmall {
                figure,
                arithmetic,
                way_out: format!(
                    "{} x {machine} carry at most {most} of {driver}; raise brokers or instance_type, or leave them out",
                    largest.brokers
                ),
            },
            None => SizingError::TooLarge {
                figure: driver,
                arithmetic,
                largest: format!("the largest layout, {} x {machine}, carries {most}", largest.brokers),
            },
        })
        .collect()
}

/// The longest retention whose data fits the largest volumes, by bisection.
fn largest_retention(wish: &Wish, layout: &Layout) -> String {
    let with = |amount: u64| match wish.retention {
        Retention::Time { .. } => Retention::Time { ms: amount },
        Retention::Size { .. } => Retention::Size { gib: amount },
    };
    let (Retention::Time { ms: mut above } | Retention::Size { gib: mut above }) = wish.retention;
    let mut fits = 0;
    while above - fits > 1 {
        let middle = fits + (above - fits) / 2;
        if volume::needed_gib(&Wish { retention: with(middle), ..wish.clone() }, layout) <= MAX_GIB {
            fits = middle;
        } else {
            above = middle;
        }
    }
    match with(fits) {
        Retention::Time { ms } => format!("{} h", ms / 3_600_000),
        size @ Retention::Size { .. } => size.to_string(),
    }
}
