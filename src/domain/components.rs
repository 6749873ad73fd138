//! Which of the programs that tenants stand on are installed in a cluster, and in which version.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// "strimzi", "cluster-api", "flux", "cert-manager", "external-dns".
    pub name: &'static str,
    pub installed: bool,
    /// Without a leading "v"; None when it cannot be told.
    pub version: Option<String>,
}

/// How a program is known.
struct Sign {
    name: &'static str,
    /// Its CustomResourceDefinition; None for a program that has none.
    crd: Option<&'static str>,
    /// The API server must serve the Kafka kind in the version this provider speaks.
    serves_kafka: bool,
    /// The last part of its image's name.
    images: &'static [&'static str],
    /// The image has a version of its own; the program's stands in the label.
    label_first: bool,
}

const SIGNS: [Sign; 5] = [
    Sign { name: "strimzi", crd: Some("kafkas.kafka.strimzi.io"), serves_kafka: true, images: &["operator"], label_first: false },
    Sign {
        name: "cluster-api",
        crd: Some("clusters.cluster.x-k8s.io"),
        serves_kafka: false,
        images: &["cluster-api-controller"],
        label_first: false,
    },
    Sign {
        name: "flux",
        crd: Some("helmreleases.helm.toolkit.fluxcd.io"),
        serves_kafka: false,
        images: &["helm-controller", "source-controller"],
        label_first: true,
    },
    Sign {
        name: "cert-manager",
        crd: Some("certificates.cert-manager.io"),
        serves_kafka: false,
        images: &["cert-manager-controller"],
        label_first: false,
    },
    Sign { name: "external-dns", crd: None, serves_kafka: false, images: &["external-dns"], label_first: false },
];

const VERSION_LABEL: &str = "app.kubernetes.io/version";

/// From all CustomResourceDefinitions (or those of these programs; their metadata is enough) and Deployments of a cluster, as the API server lists
/// them, and whether it serves Kafka as `kafka.strimzi.io/v1`.
pub fn components(crds: &[Value], deployments: &[Value], kafka_served: bool) -> Vec<Component> {
    SIGNS.iter().map(|sign| component(sign, crds, deployments, kafka_served)).collect()
}

fn component(sign: &Sign, crds: &[Value], deployments: &[Value], kafka_served: bool) -> Component {
    let found = deployments.iter().find_map(|deployment| Some((deployment, image(sign, deployment)?)));
    let crd =
        sign.crd.and_then(|name| crds.iter().find(|crd| crd["metadata"]["name"] == name)).filter(|_| kafka_served || !sign.serves_kafka);
    let by_deployment = || {
        let (deployment, image) = found?;
        let (tag, label) = (tag(image), version_label(deployment));
        if sign.label_first { label.or(tag) } else { tag.or(label) }
    };
    let installed = if sign.crd.is_some() { crd.is_some() } else { found.is_some() };
    let version = by_deployment().or_else(|| crd.and_then(version_label)).filter(|_| installed);
    Component { name: sign.name, installed, version: version.map(|v| v.strip_prefix('v').unwrap_or(v).to_owned()) }
}

/// The image in a deployment that is this program's. Strimzi's is called no more than "operator", so its repository has to agree.
fn image<'a>(sign: &Sign, deployment: &'a Value) -> Option<&'a str> {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array()?;
    containers.iter().filter_map(|container| container["image"].as_str()).find(|image| {
        let repository = image.split('@').next().unwrap_or_default();
        let repository = tag(image).map_or(repository, |tag| repository.trim_end_matches(tag).trim_end_matches(':'));
        let last = repository.rsplit('/').next().unwrap_or_default();
        sign.images.contains(&last) && (last != "operator" || repository.contains("strimzi"))
    })
}

/// "quay.io/strimzi/operator:1.2.0@sha256:…" has the tag "1.2.0"; a port before the last "/" is none.
fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next()?;
    let (_, tag) = name.rsplit('/').next()?.split_once(':')?;
    (!tag.is_empty()).then_some(tag)
}

fn version_label(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][VERSION_LABEL].as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(name: &str) -> Value {
        json!({ "metadata": { "name": name } })
    }

    fn deployment(image: &str, label: Option<&str>) -> Value {
        json!({
            "metadata": { "labels": { VERSION_LABEL: label } },
            "spec": { "template": { "spec": { "containers": [{ "image": image }] } } },
        })
    }

    fn find(name: &str, crds: &[Value], deployments: &[Value]) -> (bool, Option<String>) {
        let component = components(crds, deployments, true).into_iter().find(|c| c.name == name).unwrap();
        (component.installed, component.version)
    }

    #[test]
    fn an_empty_cluster_has_nothing() {
        assert!(components(&[], &[], false).iter().all(|c| !c.installed && c.version.is_none()));
        assert!(components(&[json!({})], &[json!({}), json!(null)], true).iter().all(|c| !c.installed));
    }

    #[test]
    fn strimzi_counts_only_where_its_v1_is_served() {
        let operators = [deployment("quay.io/strimzi/operator:1.2.0", None)];
        assert_eq!(find("strimzi", &[crd("kafkas.kafka.strimzi.io")], &operators), (true, Some("1.2.0".into())));
        assert_eq!(find("strimzi", &[crd("kafkas.kafka.strimzi.io")], &[]), (true, None));
        let older = components(&[crd("kafkas.kafka.strimzi.io")], &operators, false);
        assert!(older.iter().all(|c| !c.installed && c.version.is_none()));
        assert_eq!(find("strimzi", &[crd("kafkas.kafka.strimzi.io")], &[deployment("x/cilium/operator:9", None)]), (true, None));
    }

    #[test]
    fn versions_come_from_the_image_or_the_label() {
        let version = |name, crd_name, image, label| find(name, &[crd(crd_name)], &[deployment(image, label)]).1.unwrap();
        assert_eq!(
            version("cert-manager", "certificates.cert-manager.io", "quay.io/jetstack/cert-manager-controller:v1.21.1", None),
            "1.21.1"
        );
        let mirrored = "mirror.local:5000/capi/cluster-api-controller:v1.14.0@sha256:00";
        assert_eq!(version("cluster-api", "clusters.cluster.x-k8s.io", mirrored, None), "1.14.0");
        let flux = ("flux", "helmreleases.helm.toolkit.fluxcd.io");
        assert_eq!(version(flux.0, flux.1, "ghcr.io/fluxcd/helm-controller:v1.6.0", Some("v2.9.0")), "2.9.0");
        assert_eq!(
            find("external-dns", &[], &[deployment("r:5000/external-dns/external-dns", Some("0.22.0"))]),
            (true, Some("0.22.0".into()))
        );
        assert_eq!(find("external-dns", &[], &[deployment("r/external-dns@sha256:00", None)]), (true, None));
    }
}
