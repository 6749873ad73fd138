//! Looking at a tenant: what it is, and what in the cluster differs from what this provider wants. Reads come from lists that all tenants of a plan
//! share.

use futures::future::try_join_all;
use serde_json::Value;

use crate::{
    domain::{
        drift, manifests,
        names::{BROKER_POOL, OWNER_ANNOTATION, Phase, TENANT_LABEL, TenantName},
        object::{Kind, Manifest, ObjectRef},
        sizing::{self, Floor, Overrides, Sizing},
        status::{KafkaPhase, kafka_status, moving},
        tenant::{Facts, TenantSpec},
    },
    drivers::kubernetes::Cluster,
    framework::{attr::Attr, diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::{Connection, Management, look_up},
        failure::failed,
        tenant::{
            apply::connected,
            home, import,
            model::Tenant,
            outside, parse,
            place::{self, Seen},
            report, role, wait,
        },
        wishes,
    },
};

const SUMMARY: &str = "Cannot look at the tenant";

/// The tenant as it is now; None when its namespace is gone or another's.
pub async fn read(connection: &Connection, mut state: Tenant, call: &mut Call) -> Result<Option<Tenant>, Diagnostics> {
    if !connection.is_known(state.management_cluster.known().map(String::as_str)) {
        return unlooked(state, call).map(Some);
    }
    let mut found = Diagnostics::none();
    let Some(name) = parse::name(&state, &mut found) else { return Err(found) };
    let management = connected(connection, &state).await?;
    let cluster = management.cluster().stopped_by(call.stop.clone());
    let namespace = gathered(&management, &cluster, &state, &name).await?;
    let owner = connection.settings().owner;
    let own = |namespace: &Value| is_own(namespace, &name) && !is_anothers(namespace, &owner, call);
    let Some(namespace) = namespace.filter(own) else {
        same_cluster(&management, call).await?;
        return Ok(None);
    };
    remember(&namespace, call);
    remember_cluster(&management, call).await;
    if state.throughput.is_null() {
        import::rebuild(&mut state, &namespace)?;
    }
    fill((connection, &management), &cluster, &namespace, state, call).await.map(Some)
}

/// The tenant as it was, where the provider's configuration is not known yet.
fn unlooked(state: Tenant, call: &mut Call) -> Result<Tenant, Diagnostics> {
    if state.throughput.is_null() {
        return Err(Diagnostics::of_error(
            "Cannot import yet",
            "The provider's configuration holds values that are only known after apply, so the tenant cannot be looked at. Apply what they depend on first.",
        ));
    }
    call.found.warning(
        "Tenant not refreshed",
        "The provider's configuration is not known yet, so the tenant was not looked at; its last known state is used.",
    );
    Ok(state)
}

/// The tenant's namespace. All that is needed further down is asked for at the same time; there it is asked for again, and told if it failed.
async fn gathered(management: &Management, cluster: &Cluster, state: &Tenant, name: &TenantName) -> Result<Option<Value>, Diagnostics> {
    let namespace = ObjectRef::global(Kind::Namespace, name.namespace());
    let hard = state.isolation.known().is_some_and(|isolation| isolation == parse::CLUSTER);
    let outside = async {
        if hard {
            // A tenant with a cluster of its own is laid out by what that one offers.
            management.uid().await;
        } else {
            let _ = tokio::join!(management.uid(), management.facts());
        }
    };
    let (namespace, (), ()) = tokio::join!(cluster.find(&namespace), cluster.gather(manifests::kinds_at_home(hard)), outside);
    namespace.map_err(|error| failed(SUMMARY, &error))
}

/// Fills in what is seen of a tenant whose namespace is there.
async fn fill(
    (connection, management): (&Connection, &Management),
    cluster: &Cluster,
    namespace: &Value,
    mut state: Tenant,
    call: &mut Call,
) -> Result<Tenant, Diagnostics> {
    let mut found = Diagnostics::none();
    let mut spec = parse::spec(&state, &connection.settings())?;
    let Seen { place, brokers, mut trouble } = place::look(management, cluster, &spec).await?;
    let known = spec.floor.take();
    let existing = Floor::seen(known, brokers.as_ref().and_then(manifests::live_floor)).unwrap_or_default();
    let wanted = existing.without_brokers();
    // Somebody enlarged the volumes past the configured size: the plan refuses to shrink them, but looking and destroying must go on.
    let overrides = spec.overrides.at_least(&wanted);
    let Some(sizing) = wishes::size(&spec.wish, &overrides, Some(&wanted), &mut found) else {
        return without_size(place.as_ref(), state, &spec, &found, call).await;
    };
    let kept = TenantSpec::of_namespace(namespace);
    spec.facts = kept.as_ref().and_then(|kept| kept.facts);
    if spec.own_cluster().is_some() {
        let registry = management.mirror().await.map_err(|error| failed(SUMMARY, &error))?;
        spec.mirror = registry.or_kept(kept.as_ref().and_then(|kept| kept.mirror.clone()));
    }
    outside::with_kept(&mut spec, kept.and_then(|kept| kept.dns));
    let leaving = brokers.as_ref().and_then(|pool| leaving(pool, &sizing));
    // Brokers that leave keep their room and their nodes until they are gone.
    let roomy = Sizing { brokers: leaving.unwrap_or(sizing.brokers), ..sizing.clone() };
    let at_home = at_home(cluster, &spec, &roomy).await?;
    trouble = trouble.or(home::trouble(&spec, &at_home, call));
    let mut there = match &place {
        Some(place) => {
            let facts = Facts::of_tenant(spec.facts, offered(management, place, &spec).await?);
            let mut wanted = manifests::build(&spec, &sizing, &facts);
            wanted.iter_mut().filter(|manifest| manifest.object.kind == Kind::ResourceQuota).for_each(|room| {
                *room = manifests::quota(&spec, &sizing, roomy.brokers);
            });
            objects(place, wanted).await?
        }
        None => Vec::new(),
    };
    spare_room(&mut there);
    let of = |kind: Kind| there.iter().filter(move |(manifest, _)| manifest.object.kind == kind).filter_map(|(_, object)| object.as_ref());
    let kafka = of(Kind::Kafka).next();
    let pools: Vec<Value> = of(Kind::KafkaNodePool).cloned().collect();
    let look = match &place {
        Some(place) => Some(outside::look(connection, place, &spec, (kafka, brokers.as_ref()), call).await?),
        None => None,
    };
    let reached = there_are(&spec, &overrides, &existing, &sizing);
    let reached = Some(reached.as_ref().unwrap_or(&sizing));
    match (&place, &trouble) {
        (None, Some(trouble)) => report::out_of_reach(&mut state, &spec, reached, trouble),
        (_, trouble) => {
            report::fill(&mut state, &spec, reached, kafka, &pools);
            report::unraised(&mut state, &spec, kafka);
            report::unsettled(&mut state, trouble.as_ref());
        }
    }
    if !namespace["metadata"]["deletionTimestamp"].is_null() {
        // Not gone yet: what holds it, and what lives outside of it, is still to be deleted.
        report::deleting(&mut state);
    }
    let mut drift = differences(&at_home, "");
    drift.extend(role::differing(connection, namespace, &spec, call).await);
    drift.extend(outside::noted(namespace).iter().map(|dns| {
        format!("names below {}: a change to them or from them did not end, and their records may be left", dns.names(&spec.name).domain())
    }));
    drift.extend(differences(&there, if spec.own_cluster().is_some() { INSIDE } else { "" }));
    if let Some(look) = look {
        look.warn(&spec, call);
        drift.extend(look.drift.iter().cloned());
        state.certificate = look.certificate.clone();
        report::unsettled(&mut state, look.trouble.as_ref());
    }
    drift.extend(leaving.map(|running| waiting(&spec.name, running, &sizing, kafka)));
    state.drift = Attr::Known(drift);
    Ok(state)
}

/// While Kafka is not ready, the quota keeps the room of what ran before.
fn spare_room(there: &mut [(Manifest, Option<Value>)]) {
    let kafka = there.iter().find(|(manifest, _)| manifest.object.kind == Kind::Kafka).and_then(|(_, kafka)| kafka.as_ref());
    if kafka.is_none_or(|kafka| kafka_status(kafka, &[]).phase == KafkaPhase::Ready) {
        return;
    }
    for (quota, live) in there.iter_mut().filter(|(manifest, _)| manifest.object.kind == Kind::ResourceQuota) {
        *quota = manifests::roomier(quota.clone(), live.as_ref());
    }
}

/// The size with the brokers that are there, where they are others than wanted: a plan starts from what is, so that it says of those that come or go what
/// becomes of the data. None: they are as wanted, or no such size can be had.
fn there_are(spec: &TenantSpec, overrides: &Overrides, existing: &Floor, wanted: &Sizing) -> Option<Sizing> {
    if existing.brokers == 0 || existing.brokers == wanted.brokers {
        return None;
    }
    let overrides = Overrides { brokers: Some(existing.brokers), ..overrides.clone() };
    sizing::size(&spec.wish, &overrides, Some(existing)).ok()
}

/// The brokers that run, where the pool asks for no more than are wanted and more run still.
fn leaving(pool: &Value, wanted: &Sizing) -> Option<u32> {
    let (running, asked) = (manifests::live_floor(pool)?.brokers, manifests::asked_brokers(pool)?);
    (asked <= wanted.brokers && running > wanted.brokers).then_some(running)
}

/// Tells what brokers that leave wait for.
fn waiting(name: &TenantName, running: u32, wanted: &Sizing, kafka: Option<&Value>) -> String {
    let pool = ObjectRef::namespaced(Kind::KafkaNodePool, name.namespace(), BROKER_POOL);
    let said = kafka.and_then(moving).map_or_else(String::new, |moving| format!("; {moving}"));
    format!("{pool}: {running} brokers run where {} are wanted, until what they hold is moved off them{said}", wanted.brokers)
}

/// A tenant whose size this version of the provider would not give any more can be looked at, changed and destroyed; only what differs is not told.
async fn without_size(
    place: Option<&Cluster>,
    mut state: Tenant,
    spec: &TenantSpec,
    refused: &Diagnostics,
    call: &mut Call,
) -> Result<Tenant, Diagnostics> {
    let (kafka, pools) = match place {
        Some(place) => wait::look(place, spec).await?,
        None => (None, Vec::new()),
    };
    report::fill(&mut state, spec, None, kafka.as_ref(), &pools);
    state.drift = Attr::Known(Vec::new());
    let reasons: Vec<&str> = refused.iter().map(|error| error.detail.as_str()).collect();
    call.found.warning(
        "Tenant not compared",
        format!(
            "What the tenant {} was made with cannot be had from this version of the provider, so its objects were not compared with it. {}",
            spec.name,
            reasons.join(" ")
        ),
    );
    Ok(state)
}

/// Whether a namespace is this tenant's: by its label or, where somebody took that away, by the wish it carries.
pub fn is_own(namespace: &Value, name: &TenantName) -> bool {
    let metadata = &namespace["metadata"];
    match metadata["labels"][TENANT_LABEL].as_str() {
        Some(label) => label == name.as_str(),
        None => TenantSpec::of_namespace(namespace).is_some_and(|wish| wish.name == *name),
    }
}

/// Key of the private data under which the UID of the tenant's namespace is kept.
const UID: &str = "namespace_uid";

/// Notes which namespace is the tenant's, for a later one of the same name.
pub fn remember(namespace: &Value, call: &mut Call) {
    if let Some(uid) = namespace["metadata"]["uid"].as_str() {
        call.private.insert(UID.to_owned(), uid.to_owned());
    }
}

/// Key of the private data under which the cluster is kept that the tenant was last seen on.
const CLUSTER_UID: &str = "cluster_uid";

/// Notes which cluster the tenant is on.
pub async fn remember_cluster(management: &Management, call: &mut Call) {
    if let Some(uid) = management.uid().await {
        call.private.insert(CLUSTER_UID.to_owned(), uid);
    }
}

/// That a tenant which is not there is looked for on its own cluster: names of contexts are not unique, and a tenant that is only elsewhere must not be taken for
/// gone.
pub async fn same_cluster(management: &Management, call: &Call) -> Result<(), Diagnostics> {
    let Some(known) = call.private.get(CLUSTER_UID) else { return Ok(()) };
    match management.uid().await {
        Some(now) if now != *known => Err(Diagnostics::of_error(
            "Another management cluster",
            format!(
                "The tenant was last seen on the cluster whose kube-system namespace has the UID {known}, but this configuration \
                 leads to a cluster of the same name with the UID {now}. Use the credentials of that cluster. If it is gone for good, remove the tenant from the state."
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether the namespace is not the one that the state is of, but one that another owner made since. One that our own owner made, or that was restored from
/// a backup, is taken for the tenant's.
pub fn is_anothers(namespace: &Value, owner: &str, call: &Call) -> bool {
    let metadata = &namespace["metadata"];
    let differs = |known: &String| metadata["uid"].as_str().is_some_and(|uid| uid != known);
    let maker = metadata["annotations"][OWNER_ANNOTATION].as_str();
    call.private.get(UID).is_some_and(differs) && maker.is_some_and(|maker| maker != owner)
}

/// Each manifest with the object as the shared lists know it.
async fn objects(cluster: &Cluster, wanted: Vec<Manifest>) -> Result<Vec<(Manifest, Option<Value>)>, Diagnostics> {
    let found = wanted.iter().map(|manifest| place::found(cluster, &manifest.object));
    let objects = try_join_all(found).await.map_err(|error| failed(SUMMARY, &error))?;
    Ok(wanted.into_iter().zip(objects).collect())
}

/// What a tenant with a cluster of its own has on the management cluster.
async fn at_home(cluster: &Cluster, spec: &TenantSpec, sizing: &Sizing) -> Result<Vec<(Manifest, Option<Value>)>, Diagnostics> {
    let mut wanted = manifests::home(spec, sizing);
    if !wanted.is_empty() {
        wanted.insert(0, manifests::namespace(spec, Phase::Created));
    }
    objects(cluster, wanted).await
}

/// What the cluster offers that the Kafka is on; of the management cluster it is looked up once for all tenants. Of the tenant's own, everything that is
/// needed further down is asked for at once.
async fn offered(management: &Management, place: &Cluster, spec: &TenantSpec) -> Result<Facts, Diagnostics> {
    if spec.own_cluster().is_none() {
        return management.facts().await;
    }
    tokio::join!(look_up(place), place.gather(&manifests::KINDS)).0
}

/// Before lines about the tenant's own cluster: the management cluster has a namespace of the same name.
const INSIDE: &str = "in its own cluster, ";

/// One line for each field that differs and each object that is missing.
fn differences(objects: &[(Manifest, Option<Value>)], place: &str) -> Vec<String> {
    let lines = objects.iter().flat_map(|(manifest, object)| drift::lines(manifest, object.as_ref()));
    lines.map(|line| format!("{place}{line}")).collect()
}
