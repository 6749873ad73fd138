//! The first two steps of an apply: parse what is planned, and look up what it depends on, the tenant's own unfinished beginning included.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::{
        cluster::{broker_nodes, upgrade_is_held_back},
        dns::{DnsSpec, ManagedBy},
        manifests,
        object::{Kind, ObjectRef},
        releases::{Component, status::running_version},
        sizing::{Floor, Sizing},
        tenant::{Facts, Isolation, TenantSpec},
    },
    drivers::kubernetes::{Cluster, Error},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::{Connection, Management, Registry, look_up_mirror},
        failure::failed,
        tenant::{
            claim::is_beginning,
            home,
            model::{Storage, Tenant},
            namesake, outside, parse, place, plan, plan_cluster, read, versions,
        },
        wishes::{self, Override},
    },
};

/// Everything the following steps need, known and checked.
pub struct Prepared {
    pub connection: Connection,
    pub management: Management,
    /// The client of the management cluster, with the deadline of this apply.
    pub cluster: Cluster,
    /// Where the Kafka is. The management cluster, until a cluster of the tenant's own is there.
    pub place: Cluster,
    pub spec: TenantSpec,
    pub sizing: Sizing,
    /// Brokers that are there until their data is moved off them, or those that are planned where these are more: so many need room.
    pub standing: u32,
    pub facts: Facts,
    pub deadline: Instant,
    /// The names of before that the tenant is to have no more.
    pub before: Option<DnsSpec>,
    /// Names that an earlier change has begun to give it, and that it is not to have.
    pub begun_names: Vec<DnsSpec>,
    /// The names that its wish tells, as it is on its namespace.
    pub kept_names: Option<DnsSpec>,
    /// Its namespace notes names beside its wish.
    pub noted: bool,
    /// The key of the account at the CA, for the Secret that it is kept in.
    pub hmac: Option<String>,
}

/// Parse and dereference.
pub async fn prepare(
    connection: &Connection,
    planned: &Tenant,
    prior: Option<&Tenant>,
    timeout: Duration,
    call: &mut Call,
) -> Result<Prepared, Diagnostics> {
    let deadline = Instant::now() + timeout;
    let mut found = Diagnostics::none();
    // What the plan could not know is known by now.
    parse::validate(planned, &mut found);
    versions::check(planned, prior, &mut found);
    if found.has_errors() {
        return Err(found);
    }
    let mut spec = parse::spec(planned, &connection.settings())?;
    let management = connected(connection, planned).await?;
    let cluster = management.cluster().stopped_by(call.stop.clone()).patient_until(deadline);
    let existing = existing(&management, &cluster, &spec).await?;
    match prior {
        Some(prior) => plan::refuse_moving(planned, prior, &mut found),
        None => plan::refuse_other_beginning(&spec, existing.begun_with_cluster, &mut found),
    }
    let known = prior.and_then(|prior| prior.sizing.known()).and_then(|sizing| sizing.brokers.known().copied());
    // Where brokers cannot be counted, there may be as many as there are nodes for.
    let standing = existing.floor.as_ref().map(|live| live.brokers).or(known.max(existing.nodes));
    let is_known = existing.is_known(spec.floor.as_ref(), known);
    let held = Floor::joined(spec.floor.clone(), existing.floor, is_known);
    surplus_note(spec.floor.as_ref(), held.as_ref(), call);
    spec.floor = held;
    let overrides = spec.floor.as_ref().map_or_else(|| spec.overrides.clone(), |floor| spec.overrides.at_least(floor));
    let Some(sizing) = wishes::size(&spec.wish, &overrides, spec.floor.as_ref(), &mut found) else {
        return Err(found);
    };
    plan_cluster::check(planned, (prior, existing.strimzi.as_deref()), Some(&sizing), &mut found);
    if existing.held_back {
        plan_cluster::refuse_held_back(&mut found);
    }
    if found.has_errors() {
        return Err(found);
    }
    spec.facts = existing.facts;
    if spec.own_cluster().is_some() {
        spec.mirror = mirror(&cluster, existing.there, existing.mirror, call).await?;
    }
    if !existing.has_home {
        namesake::refuse(connection, &spec, call).await?;
    }
    let begun = existing.there || prior.is_some();
    let seen = outside::Seen { management: &management, made: prior.is_some(), kept: existing.dns.as_ref() };
    outside::find(connection, planned, &seen, &mut spec, call).await?;
    outside::refuse_foreign(connection, &spec, &sizing, (&existing.brokers, begun)).await?;
    let (before, begun_names) = names_to_give_up(&management, &spec, prior, (existing.dns.as_ref(), &existing.noted)).await;
    let standing = standing.unwrap_or_default().max(sizing.brokers);
    let mut prepared = Prepared {
        connection: connection.clone(),
        place: cluster.clone(),
        management,
        cluster,
        spec,
        sizing,
        standing,
        facts: Facts::default(),
        deadline,
        before,
        begun_names,
        kept_names: existing.dns,
        noted: !existing.noted.is_empty(),
        hmac: outside::hmac_key(planned).map(str::to_owned),
    };
    match prepared.spec.own_cluster() {
        Some(_) => home::check(&prepared.cluster, &prepared.spec).await?,
        None => prepared.settle(prepared.management.facts().await?).await?,
    }
    Ok(prepared)
}

/// The registry that charts and images of the tenant's own cluster come from.
async fn mirror(management: &Cluster, is_begun: bool, kept: Option<String>, call: &mut Call) -> Result<Option<String>, Diagnostics> {
    let registry = look_up_mirror(management).await.map_err(|error| failed("Cannot look at the management cluster", &error))?;
    if registry == Registry::Unseen && !is_begun {
        call.found.warning("It cannot be seen whether there is a mirror", UNSEEN_MIRROR);
    }
    Ok(registry.or_kept(kept))
}

const UNSEEN_MIRROR: &str = "The ConfigMap kaas-mirror in the namespace kaas-system of the management cluster names the registry that charts and images of tenants' clusters come from, and \
                             the provider's user may not get it. They are taken from where their projects publish them. Allow `get` on it if there is a mirror.";

/// The names of before that the tenant is to have no more, and those besides that a change has begun to give it.
async fn names_to_give_up(
    management: &Management,
    spec: &TenantSpec,
    prior: Option<&Tenant>,
    (kept, noted): (Option<&DnsSpec>, &[DnsSpec]),
) -> (Option<DnsSpec>, Vec<DnsSpec>) {
    let had = match (kept, prior.and_then(|prior| outside::specs(prior)?.0)) {
        (None, Some(in_state)) => Some(outside::with_owner(management, &spec.name, in_state).await),
        (kept, _) => kept.cloned(),
    };
    let before = before(spec, had);
    let begun = outside::untold(spec.dns.as_ref(), noted.iter().cloned());
    let begun = outside::untold(before.as_ref(), begun);
    (before, begun)
}

/// The names of before, where the tenant is to have others, or none.
fn before(spec: &TenantSpec, had: Option<DnsSpec>) -> Option<DnsSpec> {
    had.filter(|had| match &spec.dns {
        Some(dns) => dns.replaces(had),
        None => had.managed_by != ManagedBy::None,
    })
}

impl Prepared {
    /// The names that somebody may write records of from now on and that the tenant's wish will not tell, which is the one that it has, or, where it is
    /// `rewritten` at once, the one that is planned.
    pub fn names_to_note(&self, rewritten: bool) -> Vec<DnsSpec> {
        let told = if rewritten { &self.spec.dns } else { &self.kept_names };
        let all = [&self.kept_names, &self.spec.dns].into_iter().flatten().chain(&self.before).chain(&self.begun_names);
        outside::untold(told.as_ref(), all.cloned())
    }

    /// Takes up what the cluster offers that the Kafka is on, and checks that it can have one.
    pub async fn settle(&mut self, offered: Facts) -> Result<(), Diagnostics> {
        self.facts = Facts::of_tenant(self.spec.facts, offered);
        self.spec.facts = Some(self.facts);
        if self.place.server_serves(Kind::Kafka).await.map_err(|error| failed("Cannot look at the cluster", &error))? {
            return Ok(());
        }
        let mut found = Diagnostics::none();
        let way_out = match self.spec.isolation {
            Isolation::Namespace => "Install the Strimzi operator 1.0 or later on it, watching all namespaces.".to_owned(),
            Isolation::Cluster(_) => format!(
                "The HelmRelease of Strimzi in the namespace {} of {} should have installed it: see its conditions, and those of its source.",
                self.spec.name.namespace(),
                self.cluster.id()
            ),
        };
        let detail = format!("The cluster {} does not serve Kafka in kafka.strimzi.io/v1. {way_out}", self.place.id());
        found.error_at(Tenant::MANAGEMENT_CLUSTER, "Strimzi is not installed", detail);
        Err(found)
    }
}

/// What there is of the tenant already, be it an unfinished beginning.
#[derive(Default)]
struct Existing {
    facts: Option<Facts>,
    there: bool,
    /// Its names.
    dns: Option<DnsSpec>,
    /// Names that a change has begun to give it.
    noted: Vec<DnsSpec>,
    /// Whether it is an unfinished beginning with a cluster of its own, or without; None: it is none.
    begun_with_cluster: Option<bool>,
    /// The registry that the charts of its own cluster come from.
    mirror: Option<String>,
    floor: Option<Floor>,
    /// The numbers of the brokers that run.
    brokers: Vec<i32>,
    /// Brokers that the pool asks for; those that run may be more, for a while.
    asked: Option<u32>,
    /// Nodes for brokers that the tenant's own cluster is asked for.
    nodes: Option<u32>,
    /// The version of Strimzi that runs in the tenant's own cluster, as Flux tells it.
    strimzi: Option<String>,
    /// Its own cluster was begun, or is still going with the namespace: an EKS cluster of its name is its own.
    has_home: bool,
    /// Cluster API would refuse the upgrade of its own cluster that is planned.
    held_back: bool,
}

impl Existing {
    /// Whether the plan that took `known` brokers for there may take away those that are: it knew of them all, or they are leaving already.
    fn is_known(&self, planned: Option<&Floor>, known: Option<u32>) -> bool {
        let seen = self.floor.as_ref().zip(known).is_some_and(|(live, known)| live.brokers <= known);
        seen || self.asked.zip(planned).is_some_and(|(asked, planned)| asked <= planned.brokers)
    }
}

async fn existing(management: &Management, cluster: &Cluster, spec: &TenantSpec) -> Result<Existing, Diagnostics> {
    let looked = |error: Error| failed("Cannot look at the tenant", &error);
    let namespace = ObjectRef::global(Kind::Namespace, spec.name.namespace());
    let namespace = cluster.get(&namespace).await.map_err(looked)?;
    let Some(namespace) = namespace.filter(|found| read::is_own(found, &spec.name)) else { return Ok(Existing::default()) };
    if !namespace["metadata"]["deletionTimestamp"].is_null() {
        return Ok(Existing { has_home: true, ..Existing::default() });
    }
    let seen = place::look(management, cluster, spec).await?;
    let (mut nodes, mut strimzi, mut has_home, mut held_back) = (None, None, false, false);
    if let Some(own) = spec.own_cluster() {
        let home = place::found(cluster, &home::object(&spec.name)).await.map_err(looked)?;
        nodes = home.as_ref().and_then(broker_nodes);
        has_home = home.is_some();
        held_back = home.is_some_and(|home| upgrade_is_held_back(&home, own.cluster.version()));
        let release = ObjectRef::namespaced(Kind::HelmRelease, spec.name.namespace(), Component::Strimzi.name());
        strimzi = place::found(cluster, &release).await.map_err(looked)?.as_ref().and_then(running_version);
    }
    let pool = seen.brokers.as_ref();
    let wish = TenantSpec::of_namespace(&namespace);
    let begun_with_cluster = wish.as_ref().filter(|_| is_beginning(&namespace, spec)).map(|wish| wish.own_cluster().is_some());
    let (facts, dns, mirror) = wish.map_or((None, None, None), |wish| (wish.facts, wish.dns, wish.mirror));
    Ok(Existing {
        facts,
        there: true,
        dns,
        noted: outside::noted(&namespace),
        begun_with_cluster,
        mirror,
        floor: pool.and_then(manifests::live_floor),
        brokers: pool.map(manifests::broker_ids).unwrap_or_default(),
        asked: pool.and_then(manifests::asked_brokers),
        nodes,
        strimzi,
        has_home,
        held_back,
    })
}

/// Says that more exists than the plan knew of, which the apply does not take away.
fn surplus_note(planned: Option<&Floor>, held: Option<&Floor>, call: &mut Call) {
    if let (Some(planned), Some(held)) = (planned, held)
        && held != planned
    {
        call.found.warning(
            "More exists than was planned",
            format!(
                "Planned are {} brokers with {} GiB each, but an earlier beginning or somebody else made it {} brokers with {} GiB. Volumes cannot shrink and brokers \
                 may hold data of which the plan said nothing, so they stay; the next plan says what becomes of them.",
                planned.brokers, planned.volume_gib, held.brokers, held.volume_gib
            ),
        );
    }
}

/// The management cluster that the tenant names. An EKS cluster is found by AWS; every other one must be that of the provider's kubernetes block.
pub async fn connected(connection: &Connection, tenant: &Tenant) -> Result<Management, Diagnostics> {
    let wanted = tenant.management_cluster.known();
    let management = connection.management(wanted.map(String::as_str)).await?;
    let cluster = management.cluster();
    match wanted {
        Some(wanted) if wanted != cluster.id() => {
            let mut found = Diagnostics::none();
            found.error_at(
                Tenant::MANAGEMENT_CLUSTER,
                "Another management cluster",
                format!(
                    "The tenant lives on {wanted:?}, but the provider's kubernetes block (or the environment) leads to {:?}. Use the provider configuration of \
                     that cluster, for example by a provider alias.",
                    cluster.id()
                ),
            );
            Err(found)
        }
        _ => Ok(management),
    }
}

/// Says what of the storage settings this cluster cannot do.
pub fn storage_notes(prepared: &Prepared, prior: Option<&Tenant>, call: &mut Call) {
    let Prepared { facts, spec, sizing, .. } = prepared;
    if spec.storage.kms_key_arn.is_some() && !facts.ebs_csi {
        call.found.warning_at(
            Tenant::STORAGE.then(Storage::KMS_KEY_ARN),
            "kms_key_arn has no effect",
            "The cluster has no EBS driver (ebs.csi.aws.com), so the volumes are of its default StorageClass, encrypted or not as that class says.",
        );
    }
    let speed =
        [(spec.overrides.volume_mib_per_second, Override::VOLUME_MIB_PER_SECOND), (spec.overrides.volume_iops, Override::VOLUME_IOPS)];
    let decides = match &spec.storage.class {
        Some(class) => Some(format!("The volumes are of the StorageClass {class:?}, and as fast as that class says.")),
        None if facts.ebs_csi => None,
        None => Some(
            "The cluster has no EBS driver (ebs.csi.aws.com), so the volumes are of its default StorageClass, and as fast as that class says."
                .to_owned(),
        ),
    };
    if let Some(decides) = decides {
        for (_, field) in speed.into_iter().filter(|(figure, _)| figure.is_some()) {
            let detail = format!("{decides} The figure only counts where the size is computed.");
            call.found.warning_at(Tenant::SIZING_OVERRIDE.then(field), format!("{} has no effect on the volumes", field.0), detail);
        }
    }
    let before = prior.and_then(|prior| prior.sizing.known());
    let changed = before.is_some_and(|before| {
        before.volume_mib_per_second != sizing.volume_mib_per_second.into() || before.volume_iops != sizing.volume_iops.into()
    });
    if changed && facts.ebs_csi && !facts.volume_attributes_classes && spec.storage.class.is_none() {
        call.found.warning(
            "Existing volumes keep their speed",
            format!(
                "The volumes should now do {} MiB/s and {} IOPS, but this Kubernetes serves no VolumeAttributesClass in storage.k8s.io/v1 (1.34 or later does). \
                 New brokers get the new figures; change the existing volumes in AWS, or upgrade Kubernetes and apply again.",
                sizing.volume_mib_per_second, sizing.volume_iops
            ),
        );
    }
}
