//! How many requests the API server answered, by its own count (`apiserver_request_total`): no word of the provider's is taken for it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::kubernetes;

/// Requests by verb and what they were for: `LIST kafkas`.
pub type Counts = BTreeMap<String, u64>;

/// What the API server has answered so far. Asking for it is itself counted, as a request for nothing in particular.
pub fn read(kubeconfig: &Path) -> Result<Counts> {
    let text = kubernetes::block_on(async {
        let client = kubernetes::client(kubeconfig).await?;
        Ok(client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?)
    });
    Ok(parse(&text.context("read the API server's metrics")?))
}

/// What came between two counts.
pub fn between(before: &Counts, after: &Counts) -> Counts {
    let more = after.iter().map(|(what, count)| (what.clone(), count.saturating_sub(before.get(what).copied().unwrap_or_default())));
    more.filter(|(_, count)| *count > 0).collect()
}

/// The least of each: what others asked meanwhile (controllers now and then) was not asked in every run.
pub fn least(runs: &[Counts]) -> Counts {
    let Some((first, others)) = runs.split_first() else { return Counts::new() };
    let least = first.iter().map(|(what, count)| {
        let in_others = others.iter().map(|run| run.get(what).copied().unwrap_or_default());
        (what.clone(), in_others.fold(*count, u64::min))
    });
    least.filter(|(_, count)| *count > 0).collect()
}

fn parse(metrics: &str) -> Counts {
    let mut counts = Counts::new();
    for line in metrics.lines() {
        let Some((labels, value)) = line.strip_prefix("apiserver_request_total{").and_then(|rest| rest.split_once("} ")) else { continue };
        let label = |name: &str| labels.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'));
        let (verb, resource, subresource) =
            (label("verb"), label("resource").unwrap_or_default(), label("subresource").unwrap_or_default());
        // Without a resource: discovery, health and metrics, which controllers and the lab ask for all the time. A watch ends when it likes.
        let (Some(verb), Ok(value), false) = (verb, value.trim().parse::<f64>(), resource.is_empty()) else { continue };
        if verb == "WATCH" {
            continue;
        }
        let slash = if subresource.is_empty() { "" } else { "/" };
        *counts.entry(format!("{verb} {resource}{slash}{subresource}")).or_default() += value as u64;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(pairs: [(&str, u64); N]) -> Counts {
        pairs.into_iter().map(|(what, count)| (what.to_owned(), count)).collect()
    }

    #[test]
    fn counts_are_summed_over_codes_and_groups() {
        let text = concat!(
            "# HELP apiserver_request_total Counter\n",
            "apiserver_request_total{code=\"200\",group=\"\",resource=\"pods\",scope=\"cluster\",subresource=\"\",verb=\"LIST\",version=\"v1\"} 3\n",
            "apiserver_request_total{code=\"410\",group=\"\",resource=\"pods\",scope=\"cluster\",subresource=\"\",verb=\"LIST\",version=\"v1\"} 1\n",
            "apiserver_request_total{code=\"200\",group=\"\",resource=\"pods\",subresource=\"status\",verb=\"PUT\",version=\"v1\"} 2\n",
            "apiserver_request_total{code=\"200\",group=\"\",resource=\"\",subresource=\"/healthz\",verb=\"GET\",version=\"\"} 9\n",
            "apiserver_request_total{code=\"0\",group=\"\",resource=\"pods\",subresource=\"\",verb=\"WATCH\",version=\"v1\"} 9\n",
        );
        assert_eq!(parse(text), counts([("LIST pods", 4), ("PUT pods/status", 2)]));
    }

    #[test]
    fn only_what_every_run_asked_counts() {
        let before = counts([("LIST pods", 4)]);
        let first = between(&before, &counts([("LIST pods", 5), ("GET nodes", 1)]));
        assert_eq!(first, counts([("LIST pods", 1), ("GET nodes", 1)]));
        assert_eq!(least(&[first, counts([("LIST pods", 2)])]), counts([("LIST pods", 1)]));
    }
}
