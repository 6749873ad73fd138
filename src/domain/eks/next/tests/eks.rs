//! A tiny EKS: it takes steps, refuses what the real one refuses (by a failed assertion), and lets time pass.

use std::collections::BTreeSet;

use super::super::super::*;
use crate::domain::eks::group::user_name;

pub const NODE_LESS: [&str; 3] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];
const DEFAULT: EksVersion = EksVersion { minor: 31 };

pub struct Eks {
    pub seen: Seen,
    /// What decides how long things take and which fail.
    dice: u64,
    /// Of 100 things that are made, this many fail.
    pub failing: u64,
    pub ids: u64,
}

impl Eks {
    pub fn new(dice: u64) -> Self {
        Self { seen: Seen::default(), dice, failing: 0, ids: 0 }
    }

    fn throw(&mut self, below: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % below
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("id-{}", self.ids)
    }

    fn cluster(&mut self) -> &mut ClusterSeen {
        let cluster = self.seen.cluster.as_mut().unwrap();
        assert_eq!(cluster.status, ClusterStatus::Active, "EKS refuses changes now");
        assert!(cluster.updates.iter().all(|update| update.failed), "EKS makes one change at a time");
        cluster
    }

    fn change(&mut self, kind: &str) -> &mut ClusterSeen {
        let id = self.id();
        let cluster = self.cluster();
        cluster.status = ClusterStatus::Updating;
        cluster.updates.push(Update { id, kind: kind.to_owned(), ..Update::default() });
        cluster
    }

    pub fn perform(&mut self, wish: &Wish, step: &Step) {
        match step {
            Step::CreateCluster => self.create_cluster(wish),
            Step::Tag { arn, set, remove } => self.tag(arn, set, remove),
            Step::UpdateVersion { to } => self.update_version(*to),
            Step::UpdateEndpoint => self.change("EndpointAccessUpdate").access_from = compare::reach(&wish.endpoint),
            Step::UpdateNetwork => {
                let cluster = self.change("VpcConfigUpdate");
                (cluster.subnet_ids, cluster.security_group_ids) = (wish.subnet_ids.clone(), wish.security_group_ids.clone());
            }
            Step::UpdateLogging => self.change("LoggingUpdate").log_types = wish.log_types.clone(),
            Step::UpdateSupport => {
                let is_old = self.cluster().version < DEFAULT;
                assert!(wish.support_type != Some(SupportType::Standard) || !is_old || wish.version <= Some(self.cluster().version));
                self.change("UpgradePolicyUpdate").support_type = wish.support_type;
            }
            Step::UpdateDeletionProtection { .. } if self.cluster().status != ClusterStatus::Active => {
                panic!("EKS changes it on ACTIVE clusters only")
            }
            Step::UpdateDeletionProtection { to } => self.change("DeletionProtectionUpdate").deletion_protection = *to,
            Step::EncryptSecrets => {
                assert_eq!(self.cluster().secrets_key_arn, None);
                self.change("AssociateEncryptionConfig").secrets_key_arn = wish.secrets_key_arn.clone();
            }
            Step::DeleteCluster => {
                assert!(self.seen.node_groups.is_empty(), "EKS deletes no cluster with node groups");
                let cluster = self.seen.cluster.as_mut().unwrap();
                let is_guarded = cluster.deletion_protection && cluster.status == ClusterStatus::Active;
                assert!(!is_guarded && matches!(cluster.status, ClusterStatus::Active | ClusterStatus::Failed));
                cluster.status = ClusterStatus::Deleting;
            }
            step => self.perform_on_part(wish, step),
        }
    }

    fn perform_on_part(&mut self, wish: &Wish, step: &Step) {
        self.seen.cluster.as_ref().unwrap();
        match step {
            Step::CreateNodeGroup { .. }
            | Step::UpdateNodeGroup { .. }
            | Step::UpdateNodeGroupVersion { .. }
            | Step::DeleteNodeGroup { .. } => self.perform_on_group(wish, step),
            Step::CreateAddOn { .. } | Step::UpdateAddOn { .. } | Step::DeleteAddOn { .. } => self.perform_on_add_on(wish, step),
            step => self.perform_on_access(wish, step),
        }
    }

    fn create_cluster(&mut self, wish: &Wish) {
        assert!(self.seen.cluster.is_none());
        self.seen.cluster = Some(ClusterSeen {
            arn: format!("arn:aws:eks:eu-west-1:111122223333:cluster/{}", wish.name),
            version: wish.version.unwrap_or(DEFAULT),
            role_arn: wish.role_arn.clone(),
            subnet_ids: wish.subnet_ids.clone(),
            security_group_ids: wish.security_group_ids.clone(),
            service_cidr: Some(wish.service_cidr.clone().unwrap_or_else(|| "172.20.0.0/16".to_owned())),
            access_from: Endpoint { public_cidrs: BTreeSet::from(["0.0.0.0/0".to_owned()]), ..Endpoint::default() },
            secrets_key_arn: wish.secrets_key_arn.clone(),
            support_type: Some(wish.support_type.unwrap_or(SupportType::Extended)),
            deletion_protection: wish.deletion_protection,
            tags: tags::new_cluster(wish),
            ..ClusterSeen::default()
        });
    }

    fn update_version(&mut self, to: EksVersion) {
        let ours = self.seen.node_groups.values().filter(|group| tags::are_ours(&group.tags));
        let present = self.seen.cluster.as_ref().unwrap().version;
        assert_eq!(to.minor, present.minor + 1, "one minor at a time");
        for group in ours.filter(|group| !matches!(group.status, PartStatus::CreateFailed | PartStatus::Deleting)) {
            assert_eq!(group.version, Some(present), "nodes come along before the control plane goes further");
        }
        self.change("VersionUpdate").version = to;
    }

    fn tag(&mut self, arn: &str, set: &tags::Tags, remove: &BTreeSet<String>) {
        let seen = &mut self.seen;
        let cluster = seen.cluster.iter_mut().map(|cluster| (&cluster.arn, &mut cluster.tags));
        let groups = seen.node_groups.values_mut().map(|part| (&part.arn, &mut part.tags));
        let add_ons = seen.add_ons.values_mut().map(|part| (&part.arn, &mut part.tags));
        let entries = seen.access_entries.values_mut().map(|part| (&part.arn, &mut part.tags));
        let identities = seen.pod_identities.values_mut().map(|part| (&part.arn, &mut part.tags));
        let (_, tags) = cluster.chain(groups).chain(add_ons).chain(entries).chain(identities).find(|(of, _)| *of == arn).unwrap();
        tags.extend(set.clone());
        tags.retain(|key, _| !remove.contains(key));
    }

    fn perform_on_group(&mut self, wish: &Wish, step: &Step) {
        let version = self.cluster().version;
        match step {
            Step::CreateNodeGroup { name, group, desired } => {
                let wished = &wish.node_groups[name];
                let mut shape = wished.shape.clone();
                shape.ami_type.get_or_insert_with(|| "AL2023_x86_64_STANDARD".to_owned());
                shape.disk_gib.get_or_insert(20);
                let found = NodeGroupSeen {
                    arn: format!("arn-of-group-{group}"),
                    version: Some(version),
                    shape,
                    scaling: Scaling { desired: Some(*desired), ..wished.scaling },
                    labels: wished.labels.clone(),
                    taints: wished.taints.clone(),
                    max_unavailable: Some(wished.max_unavailable.unwrap_or(1)),
                    tags: tags::node_group(wish, name),
                    ..NodeGroupSeen::default()
                };
                assert_bounds(found.scaling);
                assert_eq!(self.seen.node_groups.insert(group.clone(), found), None);
            }
            Step::UpdateNodeGroup { name, group, desired } => {
                let wished = &wish.node_groups[name];
                let found = self.group(group);
                let scaling = Scaling { desired: desired.or(found.scaling.desired), ..wished.scaling };
                assert_bounds(scaling);
                found.status = PartStatus::Updating;
                found.scaling = scaling;
                (found.labels, found.taints) = (wished.labels.clone(), wished.taints.clone());
                found.max_unavailable = wished.max_unavailable.or(found.max_unavailable);
            }
            Step::UpdateNodeGroupVersion { group, to } => {
                assert!(*to <= version, "no node is ahead of the control plane");
                let found = self.group(group);
                assert!(found.version < Some(*to));
                (found.status, found.version) = (PartStatus::Updating, Some(*to));
            }
            Step::DeleteNodeGroup { group } => self.delete_group(wish, group),
            _ => unreachable!("no step of a node group"),
        }
    }

    fn group(&mut self, group: &str) -> &mut NodeGroupSeen {
        let found = self.seen.node_groups.get_mut(group).unwrap();
        assert!(matches!(found.status, PartStatus::Active | PartStatus::Degraded), "EKS makes one change of a group at a time");
        found
    }

    fn delete_group(&mut self, wish: &Wish, group: &str) {
        let found = self.seen.node_groups[group].clone();
        assert!(tags::are_ours(&found.tags), "others' are left alone");
        assert!(!matches!(found.status, PartStatus::Creating | PartStatus::Updating | PartStatus::Deleting));
        if found.status == PartStatus::Active
            && let Some(name) = user_name(&found).filter(|name| wish.node_groups.contains_key(*name))
        {
            let mut others = self.seen.node_groups.iter().filter(|(other, _)| *other != group);
            assert!(
                others.any(|(_, other)| user_name(other) == Some(name) && other.status == PartStatus::Active),
                "the new one comes first"
            );
        }
        self.seen.node_groups.get_mut(group).unwrap().status = PartStatus::Deleting;
    }

    fn perform_on_add_on(&mut self, wish: &Wish, step: &Step) {
        let version = self.cluster().version;
        let chosen = format!("v{version}-eksbuild.1");
        match step {
            Step::CreateAddOn { name, kubernetes } => {
                assert_eq!(*kubernetes, version);
                let wished = &wish.add_ons[name];
                let found = AddOnSeen {
                    arn: format!("arn-of-add-on-{name}"),
                    version: Some(wished.version.clone().unwrap_or(chosen)),
                    service_account_role_arn: wished.service_account_role_arn.clone(),
                    configuration: wished.configuration.clone(),
                    tags: tags::add_on(wish, name, *kubernetes),
                    ..AddOnSeen::default()
                };
                assert_eq!(self.seen.add_ons.insert(name.clone(), found), None);
            }
            Step::UpdateAddOn { name, kubernetes } => {
                assert_eq!(*kubernetes, version);
                let wished = &wish.add_ons[name];
                let found = self.seen.add_ons.get_mut(name).unwrap();
                assert!(matches!(found.status, PartStatus::Active | PartStatus::Degraded | PartStatus::UpdateFailed));
                found.status = PartStatus::Updating;
                found.version = Some(wished.version.clone().unwrap_or(chosen));
                found.service_account_role_arn = wished.service_account_role_arn.clone().or(found.service_account_role_arn.clone());
                found.configuration = wished.configuration.clone().or(found.configuration.clone());
            }
            Step::DeleteAddOn { name } => {
                let found = self.seen.add_ons.get_mut(name).unwrap();
                assert!(tags::are_ours(&found.tags), "others' are left alone");
                found.status = PartStatus::Deleting;
            }
            _ => unreachable!("no step of an add-on"),
        }
    }

    fn perform_on_access(&mut self, wish: &Wish, step: &Step) {
        let seen = &mut self.seen;
        match step {
            Step::CreateAccessEntry { principal_arn } => {
                let entry = wish.access_entries[principal_arn].clone();
                let found = AccessEntrySeen { arn: format!("arn-of-entry-{principal_arn}"), entry, tags: tags::part(wish) };
                assert_eq!(seen.access_entries.insert(principal_arn.clone(), found), None);
            }
            Step::UpdateAccessEntry { principal_arn } => {
                let groups = wish.access_entries[principal_arn].kubernetes_groups.clone();
                seen.access_entries.get_mut(principal_arn).unwrap().entry.kubernetes_groups = groups;
            }
            Step::AssociatePolicy { principal_arn, policy_arn } => {
                let policy = wish.access_entries[principal_arn].policies[policy_arn].clone();
                seen.access_entries.get_mut(principal_arn).unwrap().entry.policies.insert(policy_arn.clone(), policy);
            }
            Step::DisassociatePolicy { principal_arn, policy_arn } => {
                seen.access_entries.get_mut(principal_arn).unwrap().entry.policies.remove(policy_arn).unwrap();
            }
            Step::DeleteAccessEntry { principal_arn } => {
                assert!(tags::are_ours(&seen.access_entries.remove(principal_arn).unwrap().tags), "others' are left alone");
            }
            Step::CreatePodIdentity { identity } => {
                let same =
                    |other: &PodIdentity| (&other.namespace, &other.service_account) == (&identity.namespace, &identity.service_account);
                assert!(!seen.pod_identities.keys().any(same), "a service account has one role");
                let id = self.id();
                let found = PodIdentitySeen { arn: format!("arn-of-{id}"), association_id: id, tags: tags::part(wish) };
                self.seen.pod_identities.insert(identity.clone(), found);
            }
            Step::DeletePodIdentity { association_id } => {
                let (identity, found) = seen.pod_identities.iter().find(|(_, found)| found.association_id == *association_id).unwrap();
                assert!(tags::are_ours(&found.tags), "others' are left alone");
                let identity = identity.clone();
                seen.pod_identities.remove(&identity);
            }
            step => unreachable!("{step:?}"),
        }
    }

    /// What is under way may come to its end.
    pub fn pass(&mut self) {
        let fails = self.failing;
        let mut rolls = Vec::new();
        for _ in 0..2 + self.seen.node_groups.len() + self.seen.add_ons.len() {
            rolls.push((self.throw(3) > 0, self.throw(100) < fails));
        }
        let mut rolls = rolls.into_iter();
        let mut roll = || rolls.next().unwrap();
        if let Some(cluster) = &mut self.seen.cluster
            && roll().0
        {
            match cluster.status {
                ClusterStatus::Deleting => return self.seen = Seen::default(),
                ClusterStatus::Creating | ClusterStatus::Updating => cluster.status = ClusterStatus::Active,
                _ => {}
            }
            cluster.updates.retain(|update| update.failed);
        }
        let mut settle = |status: &mut PartStatus| {
            let (is_over, has_failed) = roll();
            match status {
                PartStatus::Deleting if is_over => return false,
                PartStatus::Creating if is_over && has_failed => *status = PartStatus::CreateFailed,
                PartStatus::Creating | PartStatus::Updating if is_over => *status = PartStatus::Active,
                _ => {}
            }
            true
        };
        self.seen.node_groups.retain(|_, group| settle(&mut group.status));
        let has_nodes = self.seen.node_groups.values().any(|group| group.status != PartStatus::Creating && group.scaling.desired > Some(0));
        self.seen.add_ons.retain(|name, add_on| {
            let stays = settle(&mut add_on.status);
            let is_well = has_nodes || NODE_LESS.contains(&name.as_str()) || name == "others";
            match add_on.status {
                PartStatus::Active if !is_well => add_on.status = PartStatus::Degraded,
                PartStatus::Degraded if is_well => add_on.status = PartStatus::Active,
                _ => {}
            }
            stays
        });
    }
}

fn assert_bounds(scaling: Scaling) {
    let desired = scaling.desired.unwrap();
    assert!((scaling.min..=scaling.max).contains(&desired), "EKS refuses {scaling:?}");
}
