//! Logs on stderr in the form go-plugin reads: one JSON object a line. Terraform shows them when TF_LOG or TF_LOG_PROVIDER is set.

use std::{
    fmt::Debug,
    io::{self, Write},
    panic,
    time::SystemTime,
};

use serde_json::{Map, Value, json};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// go-plugin splits lines of 64 KiB and more; texts are cut so that a line stays below.
const TEXT_MAX: usize = 16 * 1024;
const LINE_MAX: usize = 60 * 1024;

/// Starts logging for the provider of that name, and makes panics readable for Terraform.
pub fn start(provider: &str, variable: impl Fn(&str) -> Option<String>) {
    let own = format!("TF_LOG_PROVIDER_{}", provider.to_uppercase());
    let named = [own.as_str(), "TF_LOG_PROVIDER", "TF_LOG"].into_iter().find_map(&variable);
    let level = level(named.as_deref().unwrap_or_default());
    // What libraries say may hold whole requests and answers, with secrets in them, so none but their errors are passed on.
    let libraries = level.min(LevelFilter::ERROR);
    // The framework and, where it is another crate, the provider, which is named like its crate.
    let targets = Targets::new().with_target("kaas", level).with_target(provider, level).with_default(libraries);
    // Fails when a test has started logging before.
    let _ = Registry::default().with(Hclog.with_filter(targets)).try_init();
    panic::set_hook(Box::new(|info| {
        let message = panic_text(info.payload());
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        // Terraform collects for its own error message the lines that begin like Go's panics.
        write_line(format!("panic: {} ({place})", message.replace('\n', " ")));
    }));
}

/// What a panic was about.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("of unknown cause").to_owned()
}

fn level(text: &str) -> LevelFilter {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" | "JSON" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "INFO" => LevelFilter::INFO,
        "ERROR" => LevelFilter::ERROR,
        "OFF" => LevelFilter::OFF,
        // As Terraform does with a name it does not know.
        text if !text.is_empty() && text != "WARN" => LevelFilter::TRACE,
        _ => LevelFilter::WARN,
    }
}

/// Writes events as go-plugin's log lines, with the fields of the spans around them.
struct Hclog;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Hclog {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(known) = span.extensions().get::<Fields>() {
                fields.0.extend(known.0.clone());
            }
        }
        event.record(&mut fields);
        write_line(line(event.metadata(), fields, SystemTime::now()));
    }
}

/// One line. `@message` and `@timestamp` must be strings: others make the reader panic.
fn line(metadata: &Metadata<'_>, mut fields: Fields, now: SystemTime) -> String {
    let message = match fields.0.remove("message") {
        Some(Value::String(text)) => text,
        other => other.map(|value| value.to_string()).unwrap_or_default(),
    };
    let level = match *metadata.level() {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let head = json!({ "@level": level, "@message": message, "@timestamp": timestamp(now), "@module": metadata.target() });
    let mut all = fields.0;
    if let Value::Object(head) = &head {
        all.extend(head.clone());
    }
    let line = Value::Object(all).to_string();
    if line.len() <= LINE_MAX { line } else { head.to_string() }
}

/// Exactly six digits of the second, in UTC.
fn timestamp(now: SystemTime) -> String {
    let exact = prost_types::Timestamp::from(now);
    let whole = prost_types::Timestamp { nanos: 0, ..exact }.to_string();
    format!("{}.{:06}Z", whole.trim_end_matches('Z'), exact.nanos / 1000)
}

fn write_line(mut line: String) {
    line.push('\n');
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// The named values of an event or a span.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().trim_start_matches('@').to_owned(), value.into());
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        self.put(field, text.get(..text.floor_char_boundary(TEXT_MAX)).unwrap_or_default());
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_text(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timestamp_always_has_six_digits_of_the_second() {
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        assert_eq!(timestamp(second), "2026-09-21T14:13:20.000000Z");
        assert_eq!(timestamp(second + Duration::from_nanos(1_234_567)), "2026-09-21T14:13:20.001234Z");
    }

    #[test]
    fn the_level_is_read_as_terraform_reads_it() {
        assert_eq!(level(""), LevelFilter::WARN);
        assert_eq!(level("debug"), LevelFilter::DEBUG);
        assert_eq!(level("JSON"), LevelFilter::TRACE);
        assert_eq!(level("off"), LevelFilter::OFF);
    }
}
