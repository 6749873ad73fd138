//! An account with the CA, to which the account at its ACME server is bound.

use kaas_lab::terraform::Engine;

use super::world::{Route53, acme_block, certificate, dns_block, place, ready};
use crate::acceptance::place::{Tenant, flat, holds, said};

#[test]
fn an_account_with_the_ca_is_proven_by_a_key_that_no_state_and_no_plan_holds() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    let (key_id, key) = dns.acme_external_account();
    let place = place(Engine::OpenTofu, lab);
    let bound = |key: &str, version: u32| {
        let account = format!(
            "external_account {{\n        key_id = \"{key_id}\"\n        hmac_key_wo = \"{key}\"\n        hmac_key_version = {version}\n      }}"
        );
        Tenant::small("bound").with(&format!("{}\n  {}", dns_block(&dns, ""), acme_block(&dns, &account)))
    };
    place.configure(&bound("bm90IHRoZSBrZXkgb2YgdGhpcyBhY2NvdW50", 1));
    holds(&flat(&said(&place.apply())), &["Rejected", "external account"]);
    place.configure(&bound(key, 2));
    place.apply();
    place.plan_is_empty();
    assert!(certificate(&place)["ready"] == true, "{}", certificate(&place));
    for file in std::fs::read_dir(place.workspace.dir()).unwrap().flatten().filter(|file| file.path().is_file()) {
        let name = file.file_name().to_string_lossy().into_owned();
        let held = String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).contains(key);
        assert_eq!(held, name == "main.tf", "{name}");
    }
    place.destroy();
    assert_eq!(route53.of_tenant("bound"), Vec::<String>::new());
}
