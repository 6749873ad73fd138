//! The tables, and whether the targets are met.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::life::{Act, Measured};
use super::machine::{self, Moment};
use super::requests::Counts;
use super::start::Starts;
use super::subject::Kind;
use crate::programs::Program;
use crate::strimzi_api;

const START_MAX_MS: f64 = 10.0;
const MEMORY_MAX_MB: f64 = 40.0;
const OVER_NOTHING_MAX: f64 = 1.25;
/// For fewer, the start of the CLI is most of it: docs/decisions/011.
const JUDGED_FROM_TENANTS: u32 = 100;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Findings {
    pub begun: Moment,
    pub ended: Moment,
    pub starts: Vec<Starts>,
    pub sizes: Vec<Measured>,
    /// Of tenants with a cluster of their own.
    pub own_clusters: Option<Measured>,
    pub command: String,
}

/// Puts the tables into `docs/benchmarks.md`.
///
/// # Errors
/// When the page or its marks are not there.
pub fn write(tables: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let page = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let page = replaced(&page, tables).with_context(|| format!("find {BEGIN} and {END} in {}", file.display()))?;
    std::fs::write(&file, page).with_context(|| format!("write {}", file.display()))
}

fn replaced(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", tables.trim()))
}

impl Findings {
    /// The tables as Markdown.
    pub fn markdown(&self) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "`{}` on {}: {}.", self.command, self.begun.date(), machine::description()?)?;
        writeln!(
            text,
            "kaas {} (release build), OpenTofu {}, Kubernetes {}, Strimzi's CRDs {}. No Kafka broker runs: the lab pretends that every Kafka is ready at once.",
            env!("CARGO_PKG_VERSION"),
            Program::Tofu.version()?,
            Program::KubeApiserver.version()?,
            strimzi_api::version()?
        )?;
        writeln!(
            text,
            "Load of the machine: {} before the first and {} after the last run (the runs included). Times are medians, in brackets the least and the greatest.\n",
            self.begun.load, self.ended.load
        )?;
        self.targets(&mut text)?;
        self.start(&mut text)?;
        tables(&mut text, &self.sizes)?;
        if let Some(own) = &self.own_clusters {
            writeln!(text, "\n### With a Kubernetes cluster of their own\n")?;
            writeln!(
                text,
                "{} tenants with `isolation = \"cluster\"`, each a kube-apiserver of its own on this machine, which take most of the time of applies and destroys. The \
                 requests are those to the management cluster; Cluster API and the stand-ins ask too, and a plan reads each tenant's kubeconfig.\n",
                own.tenants
            )?;
            tables(&mut text, std::slice::from_ref(own))?;
        }
        Ok(text)
    }

    fn targets(&self, text: &mut String) -> Result<()> {
        writeln!(text, "| Target | Measured | |\n| --- | --- | --- |")?;
        if let Some(starts) = self.starts.first() {
            let median = starts.milliseconds.median();
            target(text, &format!("handshake within {START_MAX_MS} ms of the start"), &format!("{median:.1} ms"), median <= START_MAX_MS)?;
        }
        if let Some(most) = self.sizes.iter().max_by_key(|size| size.tenants) {
            let peak = [Act::Plan, Act::Apply, Act::Destroy].into_iter().filter_map(|act| most.cells.get(&(act, Kind::Kaas)));
            let peak = peak.map(|cell| megabytes(cell.peak_mib.max())).fold(0.0, f64::max);
            let name = format!("plugin under {MEMORY_MAX_MB} MB at {} tenants", most.tenants);
            target(text, &name, &format!("{peak:.1} MB at most"), peak < MEMORY_MAX_MB)?;
        }
        for size in self.sizes.iter().filter(|size| size.tenants >= JUDGED_FROM_TENANTS) {
            let other = Kind::NothingTenant;
            let (Some(ratio), Some(title)) = (size.ratio(Act::Plan, other), size.titles.get(&other)) else { continue };
            let name = format!("plan of {} tenants at most {OVER_NOTHING_MAX} times {title}", size.tenants);
            target(text, &name, &format!("{ratio:.2} times"), ratio <= OVER_NOTHING_MAX)?;
        }
        let totals: Vec<u64> = self.sizes.iter().map(|size| size.requests.values().sum()).collect();
        let same = totals.windows(2).all(|pair| pair[0] == pair[1]);
        let shown: Vec<String> = totals.iter().map(u64::to_string).collect();
        target(text, "requests of a plan independent of the number of tenants", &shown.join(", "), same)?;
        if let Some(own) = &self.own_clusters {
            // A kind of which the controllers ask as well in every run shows more than one.
            let lists = ["LIST namespaces", "LIST clusters", "LIST helmreleases", "LIST ocirepositories"];
            let most = lists.iter().filter_map(|list| own.requests.get(*list)).max().copied().unwrap_or_default();
            let name =
                format!("lists of one kind on the management cluster, in a plan of {} tenants with clusters of their own: 1", own.tenants);
            target(text, &name, &most.to_string(), most == 1)?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn start(&self, text: &mut String) -> Result<()> {
        writeln!(text, "| From start to handshake | Runs | Time | Resident memory |\n| --- | --- | --- | --- |")?;
        for starts in &self.starts {
            let (ms, memory) = (&starts.milliseconds, megabytes(starts.resident_mib.median()));
            writeln!(
                text,
                "| `{}` | {} | {:.1} ms ({:.1} to {:.1}) | {memory:.1} MB |",
                starts.provider,
                ms.len(),
                ms.median(),
                ms.min(),
                ms.max()
            )?;
        }
        writeln!(text)?;
        Ok(())
    }
}

fn tables(text: &mut String, sizes: &[Measured]) -> Result<()> {
    for act in [Act::Plan, Act::Apply, Act::Destroy] {
        table(text, sizes, act)?;
    }
    requests(text, sizes)
}

fn table(text: &mut String, sizes: &[Measured], act: Act) -> Result<()> {
    let name = match act {
        Act::Plan => "Plan without changes",
        Act::Apply => "Apply (create)",
        Act::Destroy => "Destroy",
    };
    writeln!(text, "| {name} | N | Runs | Time | `kaas_tenant` takes | Plugin at most |\n| --- | --- | --- | --- | --- | --- |")?;
    for size in sizes {
        for (kind, title) in &size.titles {
            let Some(cell) = size.cells.get(&(act, *kind)) else { continue };
            let ratio = size.ratio(act, *kind).filter(|_| *kind != Kind::Kaas);
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} times"));
            let memory = megabytes(cell.peak_mib.max());
            let memory = if memory.is_nan() { "-".to_owned() } else { format!("{memory:.1} MB") };
            let (median, min, max) = (cell.seconds.median(), cell.seconds.min(), cell.seconds.max());
            let (n, runs) = (size.tenants, cell.seconds.len());
            writeln!(text, "| {title} | {n} | {runs} | {median:.2} s ({min:.2} to {max:.2}) | {ratio} | {memory} |")?;
        }
    }
    writeln!(text)?;
    Ok(())
}

fn requests(text: &mut String, sizes: &[Measured]) -> Result<()> {
    write!(text, "| Requests of one plan, by the API server's own count |")?;
    sizes.iter().try_for_each(|size| write!(text, " N = {} |", size.tenants))?;
    write!(text, "\n| --- |{}\n", " --- |".repeat(sizes.len()))?;
    let mut all = Counts::new();
    sizes.iter().for_each(|size| all.extend(size.requests.clone()));
    for what in all.keys() {
        write!(text, "| {what} |")?;
        sizes.iter().try_for_each(|size| write!(text, " {} |", size.requests.get(what).copied().unwrap_or_default()))?;
        writeln!(text)?;
    }
    write!(text, "| all |")?;
    sizes.iter().try_for_each(|size| write!(text, " {} |", size.requests.values().sum::<u64>()))?;
    writeln!(text, "\n")?;
    let sizes = sizes.iter().map(|size| (size.tenants, size.state_size));
    if let Some((tenants, size)) = sizes.max_by_key(|(tenants, _)| *tenants) {
        writeln!(text, "The state of one of {tenants} tenants is {} bytes of JSON with {} values.", size.bytes, size.values)?;
    }
    Ok(())
}

impl Measured {
    /// How many times as long the tenants take as `other`.
    fn ratio(&self, act: Act, other: Kind) -> Option<f64> {
        let median = |kind: Kind| Some(self.cells.get(&(act, kind))?.seconds.median());
        Some(median(Kind::Kaas)? / median(other)?)
    }
}

fn target(text: &mut String, name: &str, measured: &str, met: bool) -> Result<()> {
    Ok(writeln!(text, "| {name} | {measured} | {} |", if met { "met" } else { "**missed**" })?)
}

fn megabytes(mib: f64) -> f64 {
    mib * 1.048_576
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_tables_replace_the_old_ones_and_nothing_else() {
        let page = format!("# Benchmarks\n{BEGIN}\nold\n{END}\nmore\n");
        let new = replaced(&page, "new").unwrap();
        assert_eq!(new, format!("# Benchmarks\n{BEGIN}\n\nnew\n\n{END}\nmore\n"));
        assert_eq!(replaced(&new, "new").unwrap(), new);
        assert_eq!(replaced("no marks", "new"), None);
    }
}
