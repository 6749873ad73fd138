//! `cargo lab dns`: the names and certificates of a lab by hand.

use anyhow::Result;
use clap::Subcommand;

use super::{Dns, Faults};
use crate::output::say;

#[derive(Subcommand)]
pub enum Verb {
    /// Print the zone, the servers and the roots
    Show,
    /// Print what the DNS server answers
    Query {
        name: String,
        /// Such as A, CNAME, TXT
        #[arg(default_value = "A")]
        kind: String,
    },
    /// Order what goes wrong from now on; without an option nothing does
    Fault(Faults),
}

/// Does what the verb says.
///
/// # Errors
/// When a server does not answer or refuses.
pub fn run(dns: &Dns, verb: &Verb) -> Result<()> {
    match verb {
        Verb::Show => {
            say(format!("zone_id        = {:?}", dns.zone_id()));
            say(format!("zone_name      = {:?}", dns.zone_name()));
            say(format!("dns_server     = {:?}", dns.server().to_string()));
            say(format!("directory_url  = {:?}", dns.acme_directory()));
            say(format!("# the directory's own HTTPS is trusted by\n{}", dns.acme_ca()?));
            say(format!("# certificates are signed by\n{}", dns.acme_root()?));
        }
        Verb::Query { name, kind } => {
            let answer = dns.query(name, kind)?;
            say(format!("{:?}", answer.code));
            answer.values.iter().for_each(say);
        }
        Verb::Fault(faults) => dns.order(*faults)?,
    }
    Ok(())
}
