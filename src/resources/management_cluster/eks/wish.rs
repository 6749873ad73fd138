//! From `eks {}` to what the domain understands, all errors at once, each at its attribute.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::eks::{
        self, AccessEntry, AccessPolicy, AddOn, Endpoint, NodeGroup, NodeShape, PodIdentity, Scaling, SupportType, Taint, TaintEffect, Wish,
    },
    framework::{attr::Attr, diagnostic::Diagnostics, model::Field, path::Path},
    resources::{
        management_cluster::{
            eks::{
                marks::Marks,
                model::{AccessEntryBlock, AddOnBlock, Eks, NodeGroupBlock, PodIdentityBlock, TaintBlock},
                place::{self, at},
                plan,
            },
            model::ManagementCluster,
        },
        wishes::capitalised,
    },
};

/// The add-ons of a cluster for which none is written.
pub const DEFAULT_ADD_ONS: [&str; 5] = ["vpc-cni", "coredns", "kube-proxy", "aws-ebs-csi-driver", "eks-pod-identity-agent"];

pub const SUPPORT_TYPES: [(&str, SupportType); 2] = [("STANDARD", SupportType::Standard), ("EXTENDED", SupportType::Extended)];
pub const TAINT_EFFECTS: [(&str, TaintEffect); 3] = [
    ("NO_SCHEDULE", TaintEffect::NoSchedule),
    ("NO_EXECUTE", TaintEffect::NoExecute),
    ("PREFER_NO_SCHEDULE", TaintEffect::PreferNoSchedule),
];

/// What stands for values that are not known yet, so that everything else can be checked. Of the right form, and never sent anywhere.
const UNKNOWN_ARN: &str = "arn:aws:iam::000000000000:role/unknown";
const UNKNOWN_SUBNETS: [&str; 2] = ["subnet-00000000000000000", "subnet-00000000000000001"];

/// A block as far as it could be read.
pub struct Parsed {
    pub wish: Wish,
    /// Paths of what is not known yet: other values stand there.
    pub unknown: BTreeSet<Path>,
}

/// Checks whatever is known of a block.
pub fn validate(block: &Eks, found: &mut Diagnostics) {
    let mut told = Diagnostics::none();
    let parsed = parse(block, &Marks::default(), &mut told);
    let broken = told.has_errors();
    found.extend(told);
    if broken {
        return;
    }
    for error in eks::check(&parsed.wish) {
        let path = place::of(block, error.field());
        // Nothing can be said of what is not known.
        if !plan::is_below(&parsed.unknown, &path) {
            found.error_at(path, "This EKS cluster cannot be made", format!("{}.", capitalised(&error.to_string())));
        }
    }
}

/// The wish of a block whose every value is known and right; None where one is not.
pub fn whole(block: &Eks, marks: &Marks) -> Option<Wish> {
    let mut found = Diagnostics::none();
    let parsed = parse(block, marks, &mut found);
    (parsed.unknown.is_empty() && !found.has_errors()).then_some(parsed.wish)
}

/// The wish to apply.
pub fn demand(block: &Eks, marks: &Marks) -> Result<Wish, Diagnostics> {
    let mut found = Diagnostics::none();
    validate(block, &mut found);
    if found.has_errors() {
        return Err(found);
    }
    whole(block, marks).ok_or_else(|| {
        Diagnostics::of_error(
            "Incomplete cluster",
            "A value that is needed to make the cluster is missing or not known. This is a bug of the provider: please report it.",
        )
    })
}

/// The block as far as it is known.
pub fn parse(block: &Eks, marks: &Marks, found: &mut Diagnostics) -> Parsed {
    let mut reader = Reader { unknown: BTreeSet::new(), found };
    let wish = reader.wish(block, marks);
    Parsed { wish, unknown: reader.unknown }
}

struct Reader<'a> {
    unknown: BTreeSet<Path>,
    found: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn wish(&mut self, block: &Eks, marks: &Marks) -> Wish {
        let name = self.text(&block.name, at(Eks::NAME), "unknown");
        let subnet_ids = match &block.subnet_ids {
            Attr::Unknown => {
                self.unknown.insert(at(Eks::SUBNET_IDS));
                UNKNOWN_SUBNETS.map(str::to_owned).into()
            }
            known => known.known().cloned().unwrap_or_default(),
        };
        let mut tags = marks.tags.clone();
        tags.extend(self.or_default(&block.tags, at(Eks::TAGS)));
        Wish {
            owner: marks.owner.clone(),
            run: String::new(),
            dropped_tags: BTreeSet::new(),
            version: self.version(block),
            role_arn: self.text(&block.role_arn, at(Eks::ROLE_ARN), UNKNOWN_ARN),
            security_group_ids: self.or_default(&block.security_group_ids, at(Eks::SECURITY_GROUP_IDS)),
            service_cidr: self.optional(&block.service_cidr, at(Eks::SERVICE_CIDR)),
            endpoint: self.endpoint(block),
            secrets_key_arn: self.optional(&block.secrets_kms_key_arn, at(Eks::SECRETS_KMS_KEY_ARN)),
            log_types: self.or_default(&block.log_types, at(Eks::LOG_TYPES)),
            support_type: self.word(&block.support_type, at(Eks::SUPPORT_TYPE), &SUPPORT_TYPES),
            deletion_protection: self.flag(&block.deletion_protection, at(Eks::DELETION_PROTECTION)),
            access_entries: self.access_entries(&block.access_entry),
            node_groups: self.node_groups(&block.node_group, &subnet_ids),
            add_ons: self.add_ons(&block.add_on),
            pod_identities: self.pod_identities(&block.pod_identity),
            name,
            subnet_ids,
            tags,
        }
    }

    fn version(&mut self, block: &Eks) -> Option<eks::EksVersion> {
        let text = self.optional(&block.version, at(Eks::VERSION))?;
        let parsed = text.parse().map_err(|error: eks::version::EksVersionError| {
            self.found.error_at(at(Eks::VERSION), "Not a version of EKS", format!("{}.", capitalised(&error.to_string())));
        });
        parsed.ok()
    }

    fn endpoint(&mut self, block: &Eks) -> Endpoint {
        match &block.endpoint {
            Attr::Null => Endpoint::default(),
            Attr::Unknown => {
                self.unknown.insert(at(Eks::ENDPOINT));
                Endpoint::default()
            }
            Attr::Known(endpoint) => Endpoint {
                public: self.flag(&endpoint.public, place::endpoint(super::model::EndpointAccess::PUBLIC)),
                private: self.flag(&endpoint.private, place::endpoint(super::model::EndpointAccess::PRIVATE)),
                public_cidrs: self.or_default(&endpoint.public_cidrs, place::endpoint(super::model::EndpointAccess::PUBLIC_CIDRS)),
            },
        }
    }

    fn access_entries(&mut self, blocks: &Attr<Vec<AccessEntryBlock>>) -> BTreeMap<String, AccessEntry> {
        let mut entries = BTreeMap::new();
        for (block, path) in self.blocks(blocks, Eks::ACCESS_ENTRY) {
            let principal_at = path.join(&AccessEntryBlock::PRINCIPAL_ARN.into());
            let principal = self.arn(&block.principal_arn, &principal_at);
            let mut policies = BTreeMap::new();
            let listed = block.policy.known().map_or(&[][..], Vec::as_slice);
            if block.policy.is_unknown() {
                self.unknown.insert(path.join(&AccessEntryBlock::POLICY.into()));
            }
            for (index, policy) in listed.iter().enumerate() {
                let policy_at = path.join(&AccessEntryBlock::POLICY.into()).index(index);
                let arn_at = policy_at.join(&super::model::AccessPolicyBlock::POLICY_ARN.into());
                let arn = self.arn(&policy.policy_arn, &arn_at);
                let namespaces = self.or_default(&policy.namespaces, policy_at.join(&super::model::AccessPolicyBlock::NAMESPACES.into()));
                self.once(policies.insert(arn.clone(), AccessPolicy { namespaces }).is_some(), &arn_at, "policy", &arn);
            }
            let groups_at = path.join(&AccessEntryBlock::KUBERNETES_GROUPS.into());
            let entry = AccessEntry { kubernetes_groups: self.or_default(&block.kubernetes_groups, groups_at), policies };
            self.once(entries.insert(principal.clone(), entry).is_some(), &principal_at, "principal", &principal);
        }
        entries
    }

    fn node_groups(&mut self, blocks: &Attr<Vec<NodeGroupBlock>>, cluster_subnets: &BTreeSet<String>) -> BTreeMap<String, NodeGroup> {
        let mut groups = BTreeMap::new();
        for (block, path) in self.blocks(blocks, Eks::NODE_GROUP) {
            let field = |field: Field| path.join(&field.into());
            let name_at = field(NodeGroupBlock::NAME);
            let name = self.key(&block.name, &name_at);
            let subnet_ids = self.or_default(&block.subnet_ids, field(NodeGroupBlock::SUBNET_IDS));
            let shape = NodeShape {
                role_arn: self.text(&block.role_arn, field(NodeGroupBlock::ROLE_ARN), UNKNOWN_ARN),
                subnet_ids: if subnet_ids.is_empty() { cluster_subnets.clone() } else { subnet_ids },
                instance_types: self.or_default(&block.instance_types, field(NodeGroupBlock::INSTANCE_TYPES)),
                ami_type: self.optional(&block.ami_type, field(NodeGroupBlock::AMI_TYPE)),
                capacity_type: self.optional(&block.capacity_type, field(NodeGroupBlock::CAPACITY_TYPE)),
                disk_gib: self.optional(&block.disk_gib, field(NodeGroupBlock::DISK_GIB)),
            };
            let group = NodeGroup {
                shape,
                scaling: self.scaling(block, &path),
                labels: self.or_default(&block.labels, field(NodeGroupBlock::LABELS)),
                taints: self.taints(&block.taint, &field(NodeGroupBlock::TAINT)),
                max_unavailable: self.optional(&block.max_unavailable, field(NodeGroupBlock::MAX_UNAVAILABLE)),
            };
            self.once(groups.insert(name.clone(), group).is_some(), &name_at, "node group", &name);
        }
        groups
    }

    /// Where a bound is not known yet, one stands there that agrees with the others.
    fn scaling(&mut self, block: &NodeGroupBlock, path: &Path) -> Scaling {
        for (field, size) in [
            (NodeGroupBlock::MIN_SIZE, &block.min_size),
            (NodeGroupBlock::MAX_SIZE, &block.max_size),
            (NodeGroupBlock::DESIRED_SIZE, &block.desired_size),
        ] {
            if size.is_unknown() {
                self.unknown.insert(path.join(&field.into()));
            }
        }
        let desired = block.desired_size.known().copied();
        let highest = [&block.min_size, &block.desired_size].into_iter().filter_map(Attr::known).max().copied();
        let max = block.max_size.known().copied().unwrap_or_else(|| highest.unwrap_or(1).max(1));
        let min = block.min_size.known().copied().unwrap_or_else(|| desired.map_or(0, |desired| desired.min(max)));
        Scaling { min, max, desired }
    }

    fn taints(&mut self, blocks: &Attr<Vec<TaintBlock>>, path: &Path) -> BTreeSet<Taint> {
        if blocks.is_unknown() {
            self.unknown.insert(path.clone());
        }
        let mut taints = BTreeSet::new();
        for (index, block) in blocks.known().into_iter().flatten().enumerate() {
            let field = |field: Field| path.index(index).join(&field.into());
            let key = self.key(&block.key, &field(TaintBlock::KEY));
            let value = self.optional(&block.value, field(TaintBlock::VALUE));
            if let Some(effect) = self.word(&block.effect, field(TaintBlock::EFFECT), &TAINT_EFFECTS) {
                let taint = Taint { key: key.clone(), value, effect };
                self.once(!taints.insert(taint), &field(TaintBlock::KEY), "taint", &key);
            }
        }
        taints
    }

    fn add_ons(&mut self, blocks: &Attr<Vec<AddOnBlock>>) -> BTreeMap<String, AddOn> {
        if blocks.known().is_some_and(Vec::is_empty) || blocks.is_null() {
            return DEFAULT_ADD_ONS.map(|name| (name.to_owned(), AddOn::default())).into();
        }
        let mut add_ons = BTreeMap::new();
        for (block, path) in self.blocks(blocks, Eks::ADD_ON) {
            let field = |field: Field| path.join(&field.into());
            let name_at = field(AddOnBlock::NAME);
            let name = self.key(&block.name, &name_at);
            let add_on = AddOn {
                version: self.optional(&block.version, field(AddOnBlock::VERSION)),
                service_account_role_arn: self.optional(&block.service_account_role_arn, field(AddOnBlock::SERVICE_ACCOUNT_ROLE_ARN)),
                configuration: self.optional(&block.configuration, field(AddOnBlock::CONFIGURATION)),
            };
            self.once(add_ons.insert(name.clone(), add_on).is_some(), &name_at, "add-on", &name);
        }
        add_ons
    }

    fn pod_identities(&mut self, blocks: &Attr<Vec<PodIdentityBlock>>) -> BTreeSet<PodIdentity> {
        let mut identities = BTreeSet::new();
        let mut accounts = BTreeSet::new();
        for (block, path) in self.blocks(blocks, Eks::POD_IDENTITY) {
            let field = |field: Field| path.join(&field.into());
            let namespace = self.key(&block.namespace, &field(PodIdentityBlock::NAMESPACE));
            let service_account = self.key(&block.service_account, &field(PodIdentityBlock::SERVICE_ACCOUNT));
            let role_arn = self.text(&block.role_arn, field(PodIdentityBlock::ROLE_ARN), UNKNOWN_ARN);
            let account = format!("{namespace}/{service_account}");
            self.once(!accounts.insert(account.clone()), &field(PodIdentityBlock::SERVICE_ACCOUNT), "service account", &account);
            identities.insert(PodIdentity { namespace, service_account, role_arn });
        }
        identities
    }

    /// Each block with its place.
    fn blocks<'b, T>(&mut self, blocks: &'b Attr<Vec<T>>, field: Field) -> Vec<(&'b T, Path)> {
        if blocks.is_unknown() {
            self.unknown.insert(at(field));
        }
        blocks.known().into_iter().flatten().enumerate().map(|(index, block)| (block, at(field).index(index))).collect()
    }

    /// Something by which a block is told from its like. Each that is not known yet stands for another one.
    fn key(&mut self, value: &Attr<String>, path: &Path) -> String {
        let number = self.unknown.len();
        self.text(value, path.clone(), &format!("unknown-{number}"))
    }

    fn arn(&mut self, value: &Attr<String>, path: &Path) -> String {
        let number = self.unknown.len();
        self.text(value, path.clone(), &format!("{UNKNOWN_ARN}-{number}"))
    }

    fn text(&mut self, value: &Attr<String>, path: Path, unknown: &str) -> String {
        match value {
            Attr::Known(text) => text.clone(),
            Attr::Null => String::new(),
            Attr::Unknown => {
                self.unknown.insert(path);
                unknown.to_owned()
            }
        }
    }

    fn optional<T: Clone>(&mut self, value: &Attr<T>, path: Path) -> Option<T> {
        if value.is_unknown() {
            self.unknown.insert(path);
        }
        value.known().cloned()
    }

    fn or_default<T: Clone + Default>(&mut self, value: &Attr<T>, path: Path) -> T {
        self.optional(value, path).unwrap_or_default()
    }

    /// A flag that is on unless it is switched off.
    fn flag(&mut self, value: &Attr<bool>, path: Path) -> bool {
        self.optional(value, path).unwrap_or(true)
    }

    fn word<T: Copy>(&mut self, value: &Attr<String>, path: Path, words: &[(&str, T)]) -> Option<T> {
        let text = self.optional(value, path.clone())?;
        let meant = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
        if meant.is_none() {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.found.error_at(path, "Not one of the possible values", format!("{text:?} should be one of {}.", words.join(", ")));
        }
        meant
    }

    fn once(&mut self, is_again: bool, path: &Path, what: &str, name: &str) {
        if is_again {
            self.found.error_at(path.clone(), "Said twice", format!("There is another block for the {what} {name:?}; write one for each."));
        }
    }
}

/// The word that is written for a value.
pub fn written<T: PartialEq>(meant: &T, words: &[(&str, T)]) -> Option<String> {
    words.iter().find(|(_, value)| value == meant).map(|(word, _)| (*word).to_owned())
}

/// Refuses a block beside which there is another, and the absence of both.
pub fn exactly_one(config: &ManagementCluster, found: &mut Diagnostics) {
    match (&config.eks, &config.existing) {
        (Attr::Null, Attr::Null) => found.error(
            "Which cluster?",
            "Write exactly one of eks { … }, which makes an EKS cluster, and existing { }, which adopts a cluster that is there.",
        ),
        (Attr::Null, _) | (_, Attr::Null) => {}
        _ => found.error_at(
            ManagementCluster::EXISTING,
            "Two clusters",
            "eks and existing exclude each other: eks { … } makes an EKS cluster, existing { } adopts one that is there.",
        ),
    }
}
