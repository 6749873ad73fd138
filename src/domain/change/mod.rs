//! What a change of a tenant does to the Kafka that runs: known before it is done, so that a plan can say it.
//!
//! What needs a new Kafka, or cannot be done at all, is no change of a running one and not told here.

mod outside;
mod own_cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::kafka::dynamic::is_dynamic;
use super::kafka::version::{VersionChange, check_change};
use super::sizing::{Retention, SMALL_BROKERS};
use super::tenant::TenantSpec;

/// How much a change disturbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing restarts.
    Live,
    /// One broker after the other restarts, by Strimzi, which waits until replicas are in sync; also where nodes are replaced (decision 5).
    RollingRestart,
    /// Brokers come or go, and data with them.
    DataMovement,
}

impl Class {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::RollingRestart => "rolling restart",
            Self::DataMovement => "data movement",
        }
    }
}

/// One change, such as "rolling restart: Kafka 4.3.0 -> 4.3.1".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub class: Class,
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.as_str(), self.what)
    }
}

/// The figures of a sizing that a running Kafka notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    pub brokers: u32,
    pub instance_type: String,
    /// Of each broker, as the two below.
    pub volume_gib: u64,
    pub volume_mib_per_second: u64,
    pub volume_iops: u64,
    pub retention_ms: u64,
    /// Bytes per second that each broker lets producers write.
    pub ingress_quota: u64,
    /// Bytes per second that each broker lets consumers read.
    pub egress_quota: u64,
}

/// Everything that changes between two states of one tenant, the most disturbing first.
pub fn changes(from: (&TenantSpec, &Figures), to: (&TenantSpec, &Figures)) -> Vec<Change> {
    let mut changes = [
        figures(from.1, to.1),
        own_cluster::changes(from, to),
        kafka(from.0, to.0),
        access(from.0, to.0),
        monitoring(from.0, to.0),
        outside::changes(from.0, to.0),
    ]
    .concat();
    changes.sort_by_key(|change| std::cmp::Reverse(change.class));
    changes
}

/// Brokers begin and cease to give metrics when they start.
fn monitoring(from: &TenantSpec, to: &TenantSpec) -> Vec<Change> {
    let watched = |spec: &TenantSpec| if spec.monitoring { "on" } else { "off" };
    differing(Class::RollingRestart, "monitoring", &watched(from), &watched(to), "").into_iter().collect()
}

/// A change where two values differ.
fn differing<T: PartialEq + fmt::Display>(class: Class, name: &str, from: &T, to: &T, remark: &str) -> Option<Change> {
    (from != to).then(|| Change { class, what: format!("{name} {from} -> {to}{remark}") })
}

/// Quotas are read when a broker starts. A volume grows in use, unless its driver asks for a restart.
fn figures(from: &Figures, to: &Figures) -> Vec<Change> {
    let speed = |figures: &Figures| format!("{} MiB/s and {} IOPS", figures.volume_mib_per_second, figures.volume_iops);
    let hours = |figures: &Figures| format!("{} h", Retention::hours_text(figures.retention_ms));
    let moved = if to.brokers > from.brokers {
        "; partitions are moved onto those that come"
    } else {
        "; partitions are moved off those that go, then these and their volumes are deleted"
    };
    let quota = |bytes: u64| format!("{bytes} B/s");
    let (restart, live) = (Class::RollingRestart, Class::Live);
    let controllers = |figures: &Figures| if figures.brokers > SMALL_BROKERS { "large" } else { "small" };
    [
        differing(Class::DataMovement, "brokers", &from.brokers, &to.brokers, moved),
        differing(restart, "machine of a broker", &from.instance_type, &to.instance_type, ""),
        differing(restart, "controllers", &controllers(from), &controllers(to), ""),
        differing(
            restart,
            "GiB of a broker's volume",
            &from.volume_gib,
            &to.volume_gib,
            ", where the storage driver does not grow it in use",
        ),
        differing(restart, "quota of producers at a broker", &quota(from.ingress_quota), &quota(to.ingress_quota), ""),
        differing(restart, "quota of consumers at a broker", &quota(from.egress_quota), &quota(to.egress_quota), ""),
        differing(live, "speed of a broker's volume", &speed(from), &speed(to), ""),
        differing(live, "retention", &hours(from), &hours(to), ""),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn kafka(from: &TenantSpec, to: &TenantSpec) -> Vec<Change> {
    let (old, new) = (from.kafka.versions(), to.kafka.versions());
    let version = match check_change(old, new) {
        Ok(VersionChange::Rolling) => differing(Class::RollingRestart, "Kafka", &old.version, &new.version, ""),
        Ok(VersionChange::Live) => {
            let (old, new) = (old.effective_metadata(), new.effective_metadata());
            differing(Class::Live, "metadata version", &old, &new, ", which never goes back")
        }
        Ok(VersionChange::None) | Err(_) => None,
    };
    let (old, new) = (&from.kafka.authentication, &to.kafka.authentication);
    let authentication = differing(Class::RollingRestart, "authentication", old, new, "; clients need new credentials");
    version.into_iter().chain(authentication).chain(settings(&from.kafka.config, &to.kafka.config)).collect()
}

fn settings(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let shown = |value: Option<&String>| value.map_or_else(|| "(Kafka's default)".to_owned(), |value| format!("{value:?}"));
    let change = |name: &String| {
        let class = if is_dynamic(name) { Class::Live } else { Class::RollingRestart };
        differing(class, name, &shown(from.get(name)), &shown(to.get(name)), "")
    };
    names.into_iter().filter_map(change).collect()
}

fn access(from: &TenantSpec, to: &TenantSpec) -> Vec<Change> {
    let shown = |names: &[String], none: &str| if names.is_empty() { none.to_owned() } else { names.join(", ") };
    let groups = |spec: &TenantSpec| shown(&spec.access_groups, "(none)");
    let namespaces = |spec: &TenantSpec| shown(&spec.allowed_namespaces, "(all)");
    let groups = differing(Class::Live, "groups that may look", &groups(from), &groups(to), "");
    groups.into_iter().chain(differing(Class::Live, "namespaces of clients", &namespaces(from), &namespaces(to), "")).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::kafka::version::MetadataVersion;
    use crate::domain::tenant::Authentication;
    use crate::domain::tenant::tests::{PAYMENTS, tenant};

    pub fn small() -> Figures {
        Figures {
            brokers: 3,
            instance_type: "m7g.large".to_owned(),
            volume_gib: 100,
            volume_mib_per_second: 125,
            volume_iops: 3000,
            retention_ms: 86_400_000,
            ingress_quota: 10,
            egress_quota: 20,
        }
    }

    fn lines(change: impl Fn(&mut TenantSpec, &mut Figures)) -> Vec<String> {
        let (mut from, mut figures) = (tenant(PAYMENTS), small());
        from.kafka.config = [("num.partitions".to_owned(), "3".to_owned())].into();
        from.kafka.version = "4.3.0".parse().unwrap();
        from.kafka.metadata_version = Some(MetadataVersion::V4_2);
        let mut to = from.clone();
        change(&mut to, &mut figures);
        changes((&from, &small()), (&to, &figures)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_changed_is_nothing_told() {
        assert_eq!(lines(|_, _| {}), Vec::<String>::new());
    }

    #[test]
    fn every_figure_has_its_class() {
        type Case = (fn(&mut Figures), &'static str);
        let cases: [Case; 8] = [
            (|f| f.brokers = 6, "data movement: brokers 3 -> 6; partitions are moved onto those that come"),
            (
                |f| f.brokers = 2,
                "data movement: brokers 3 -> 2; partitions are moved off those that go, then these and their volumes are deleted",
            ),
            (|f| f.instance_type = "m7g.xlarge".to_owned(), "rolling restart: machine of a broker m7g.large -> m7g.xlarge"),
            (
                |f| f.volume_gib = 200,
                "rolling restart: GiB of a broker's volume 100 -> 200, where the storage driver does not grow it in use",
            ),
            (|f| f.ingress_quota = 11, "rolling restart: quota of producers at a broker 10 B/s -> 11 B/s"),
            (|f| f.egress_quota = 21, "rolling restart: quota of consumers at a broker 20 B/s -> 21 B/s"),
            (|f| f.volume_iops = 4000, "live: speed of a broker's volume 125 MiB/s and 3000 IOPS -> 125 MiB/s and 4000 IOPS"),
            (|f| f.retention_ms = 5_400_000, "live: retention 24 h -> 1.5 h"),
        ];
        for (change, line) in cases {
            assert_eq!(lines(|_, figures| change(figures)), [line]);
        }
    }

    #[test]
    fn every_setting_has_its_class() {
        type Case = (fn(&mut TenantSpec), &'static str);
        let set = |spec: &mut TenantSpec, name: &str, value: &str| {
            spec.kafka.config.insert(name.to_owned(), value.to_owned());
        };
        let cases: [Case; 7] = [
            (|s| s.monitoring = true, "rolling restart: monitoring off -> on"),
            (|s| s.kafka.version = "4.3.1".parse().unwrap(), "rolling restart: Kafka 4.3.0 -> 4.3.1"),
            (|s| s.kafka.metadata_version = None, "live: metadata version 4.2-IV1 -> 4.3-IV0, which never goes back"),
            (
                |s| s.kafka.authentication = Authentication::ScramSha512,
                "rolling restart: authentication tls -> scram-sha-512; clients need new credentials",
            ),
            (|s| s.kafka.config.clear(), "rolling restart: num.partitions \"3\" -> (Kafka's default)"),
            (|s| s.access_groups = vec!["a".to_owned(), "b".to_owned()], "live: groups that may look (none) -> a, b"),
            (|s| s.allowed_namespaces = vec!["apps".to_owned()], "live: namespaces of clients (all) -> apps"),
        ];
        for (change, line) in cases {
            assert_eq!(lines(|spec, _| change(spec)), [line]);
        }
        assert_eq!(lines(|spec, _| set(spec, "message.max.bytes", "2")), ["live: message.max.bytes (Kafka's default) -> \"2\""]);
        assert_eq!(lines(|spec, _| set(spec, "num.partitions", "4")), ["rolling restart: num.partitions \"3\" -> \"4\""]);
    }

    #[test]
    fn the_most_disturbing_change_is_told_first_and_large_clusters_get_large_controllers() {
        let told = lines(|spec, figures| {
            (figures.brokers, figures.retention_ms) = (15, 3_600_000);
            spec.kafka.version = "4.3.1".parse().unwrap();
        });
        let classes: Vec<&str> = told.iter().filter_map(|line| line.split_once(": ")).map(|(class, _)| class).collect();
        assert_eq!(classes, ["data movement", "rolling restart", "rolling restart", "live"]);
        assert!(told.contains(&"rolling restart: controllers small -> large".to_owned()), "{told:?}");
    }
}
