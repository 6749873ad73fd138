//! Kafka's programs: jars from Maven per version, a Java to run them, and an archive of loaded classes that halves the start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::process::{self, Recipe};
use crate::toolchain::{self, Jdk};
use crate::{cache, command, maven, ports};

/// Versions Strimzi 1.2.0 runs, each with the metadata version it brings and that version's feature level.
pub const VERSIONS: [(&str, &str); 4] = [("4.2.0", "4.2-IV1"), ("4.2.1", "4.2-IV1"), ("4.3.0", "4.3-IV0"), ("4.3.1", "4.3-IV0")];
/// Strimzi 1.2.0's default.
pub const DEFAULT_VERSION: &str = "4.3.1";
/// Feature levels of `metadata.version`, from Kafka's `MetadataVersion`.
const LEVELS: [(&str, i16); 9] = [
    ("4.0-IV0", 22),
    ("4.0-IV1", 23),
    ("4.0-IV2", 24),
    ("4.0-IV3", 25),
    ("4.1-IV0", 26),
    ("4.1-IV1", 27),
    ("4.2-IV0", 28),
    ("4.2-IV1", 29),
    ("4.3-IV0", 30),
];

const POM: &str = include_str!("../../maven/kafka/pom.xml");
const LOG4J: &str = include_str!("log4j2.properties");

/// The metadata version a Kafka version brings, if it is one of Strimzi's.
pub fn metadata_version(kafka: &str) -> Option<&'static str> {
    VERSIONS.iter().find(|(v, _)| *v == kafka).map(|(_, m)| *m)
}

/// The feature level of `4.3-IV0`; `4.3` alone is the newest of its kind.
pub fn metadata_level(version: &str) -> Option<i16> {
    let dashed = format!("{version}-");
    LEVELS.iter().rev().find(|(v, _)| *v == version || v.starts_with(&dashed)).map(|(_, level)| *level)
}

/// The name of a feature level.
pub fn metadata_name(level: i16) -> Option<&'static str> {
    LEVELS.iter().find(|(_, l)| *l == level).map(|(v, _)| *v)
}

/// A Kafka that can be started.
#[derive(Debug, Clone)]
pub struct Distribution {
    java: PathBuf,
    class_path: String,
    archive: Option<PathBuf>,
    log4j: PathBuf,
}

impl Distribution {
    /// Fetches what is missing: some seconds for the jars, some more for the archive, both once per version.
    ///
    /// # Errors
    /// No JDK or Maven, or Maven fails.
    pub fn ensure(version: &str) -> Result<Self> {
        let jdk = toolchain::jdk(toolchain::KAFKA_JAVA)?;
        let folder = cache::ensure(&format!("kafka-{version}"), |folder| fetch(version, folder))?;
        let mut jars: Vec<PathBuf> = std::fs::read_dir(folder.join("libs"))?.flatten().map(|e| e.path()).collect();
        jars.sort();
        let class_path = maven::class_path(&jars)?.into_string().ok().context("write the class path as text")?;
        let mut made = Self { java: jdk.java(), class_path, archive: None, log4j: folder.join("log4j2.properties") };
        // Without an archive everything works, more slowly.
        match made.archive(version, &jdk) {
            Ok(archive) => made.archive = Some(archive),
            Err(error) => tracing::warn!("go without a class archive: {error:#}"),
        }
        Ok(made)
    }

    /// An archive fits one build of Java and one class path only.
    fn archive(&self, version: &str, jdk: &Jdk) -> Result<PathBuf> {
        let folder =
            cache::ensure(&format!("kafka-{version}-classes-{}-{:016x}", jdk.version, hash(&jdk.home)), |folder| self.train(folder))?;
        Ok(folder.join("kafka.jsa"))
    }

    /// Runs a plaintext node once and lets Java write down the classes it loaded.
    fn train(&self, folder: &Path) -> Result<()> {
        let [control, client] = ports::free::<2>()?;
        let data = folder.join("training");
        let config = folder.join("training.properties");
        let text = format!(
            "node.id=0\nprocess.roles=broker,controller\ncontroller.quorum.voters=0@127.0.0.1:{control}\ncontroller.listener.names=C\n\
             listeners=C://127.0.0.1:{control},P://127.0.0.1:{client}\nadvertised.listeners=C://127.0.0.1:{control},P://127.0.0.1:{client}\n\
             listener.security.protocol.map=C:PLAINTEXT,P:PLAINTEXT\ninter.broker.listener.name=P\nlog.dirs={}\n\
             log.cleaner.dedupe.buffer.size=2097152\noffsets.topic.replication.factor=1\n",
            data.display()
        );
        std::fs::write(&config, text)?;
        command::run(&mut self.format(&config, "AAAAAAAAAAAAAAAAAAAAAA", None), "format a Kafka for training", || {})?;
        let archive = folder.join("kafka.jsa");
        let mut recipe = self.recipe(&config, folder.join("training.log"));
        recipe.args.insert(0, format!("-XX:ArchiveClassesAtExit={}", archive.display()));
        let running = recipe.start(folder)?;
        let started = Instant::now();
        while !std::fs::read_to_string(&recipe.log).unwrap_or_default().contains("Kafka Server started") {
            ensure!(running.alive() && started.elapsed() < Duration::from_secs(60), "train a Kafka: {}", recipe.log_tail());
            std::thread::sleep(Duration::from_millis(100));
        }
        process::stop(&[running], Duration::from_secs(60))?;
        ensure!(archive.is_file(), "find the class archive after training: {}", recipe.log_tail());
        std::fs::remove_dir_all(&data).context("remove the training's data")
    }

    /// The command that makes a node's folders ready; harmless when they are.
    pub fn format(&self, config: &Path, cluster_id: &str, metadata: Option<&str>) -> Command {
        let mut format = Command::new(&self.java);
        format.args(self.flags()).args(["-cp", &self.class_path, "kafka.tools.StorageTool", "format", "-g", "-t", cluster_id, "-c"]);
        format.arg(config).env("MALLOC_ARENA_MAX", "1");
        if let Some(metadata) = metadata {
            format.args(["-r", metadata]);
        }
        format
    }

    /// How a node is run.
    pub fn recipe(&self, config: &Path, log: PathBuf) -> Recipe {
        let mut args = self.flags();
        args.extend(["-cp".to_owned(), self.class_path.clone(), "kafka.Kafka".to_owned(), config.display().to_string()]);
        Recipe { program: self.java.clone(), args, env: [("MALLOC_ARENA_MAX".to_owned(), "1".to_owned())].into(), log }
    }

    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> =
            ["-Xms32m", "-Xmx256m", "-XX:+UseSerialGC", "-Xss512k", "-XX:TieredStopAtLevel=1"].map(str::to_owned).to_vec();
        flags.push(format!("-Dlog4j2.configurationFile={}", self.log4j.display()));
        if let Some(archive) = &self.archive {
            flags.push(format!("-XX:SharedArchiveFile={}", archive.display()));
        }
        flags
    }
}

fn fetch(version: &str, folder: &Path) -> Result<()> {
    std::fs::write(folder.join("log4j2.properties"), LOG4J)?;
    let pom = folder.join("pom.xml");
    std::fs::write(&pom, POM)?;
    let (mvn, _) = toolchain::mvn()?;
    let mut fetch = Command::new(mvn);
    fetch.current_dir(folder).args(["-q", "-B", "-f", "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
    fetch.arg(format!("-Dkafka.version={version}")).arg(format!("-DoutputDirectory={}", folder.join("libs").display()));
    command::run(&mut fetch, &format!("fetch Kafka {version} from Maven"), || {})
}

fn hash(value: impl std::hash::Hash) -> u64 {
    use std::hash::Hasher;
    // Fixed keys: the name must be the same in every run.
    let mut hasher = std::hash::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_versions_have_levels_in_order() {
        assert_eq!(metadata_level("4.3-IV0"), Some(30));
        assert_eq!(metadata_level("4.2"), Some(29));
        assert_eq!(metadata_level("5.0"), None);
        assert_eq!(metadata_name(30), Some("4.3-IV0"));
        assert!(VERSIONS.iter().all(|(_, m)| metadata_level(m).is_some()));
    }
}
