//! A user with no more rights on the management cluster than the guide names for tenants with clusters of their own.

use kaas::domain::rights::{For, cluster_role};

use super::world::{hard_with, ready};
use crate::acceptance::place::said;
use crate::acceptance::rights::{place_of, token};

#[test]
fn a_user_with_the_rights_of_the_guide_lives_the_whole_life_of_a_tenant_with_a_cluster() {
    let lab = ready();
    let role = cluster_role("kaas-clusters", For { clusters: true, releases: true, ..For::default() });
    let place = place_of(lab, &token(lab, "clusters", &role));
    let tenant = hard_with("allowed", "", "access {\n groups = [\"developers\"]\n }");
    place.configure(&tenant);
    let made = said(&place.apply());
    assert!(!made.contains("cannot be seen"), "{made}");
    place.plan_is_empty();
    place.configure(&hard_with("allowed", "variables = {\n region = \"attic\"\n }", "monitoring = true"));
    place.apply();
    place.plan_is_empty();
    place.destroy();
}
