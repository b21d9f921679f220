//! The table and the file of a run.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::BenchError;
use crate::measure::Measured;

/// All that a run measured.
pub struct Report {
    measured: Vec<Measured>,
}

impl Report {
    pub const fn new(measured: Vec<Measured>) -> Self {
        Self { measured }
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{:<28} {:>10} {:>21} {:>7} {:>9} {:>9} {:>9}  {}\n",
            "scenario", "median", "lowest..highest", "ratio", "p50 us", "p99 us", "max us", "cores"
        );
        for measured in &self.measured {
            let spread = format!("{:.0}..{:.0}", measured.rate.lowest, measured.rate.highest);
            let ratio = self
                .ratio(measured)
                .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let latency = measured.latency.map_or_else(
                || format!("{:>9} {:>9} {:>9}", "", "", ""),
                |latency| format!("{:>9} {:>9} {:>9}", latency.p50, latency.p99, latency.max),
            );
            let cores: Vec<String> = measured
                .cores
                .iter()
                .map(|(of, cores)| format!("{of} {cores:.2}"))
                .collect();
            let notes = measured
                .notes
                .iter()
                .map(|(name, value)| format!("{name} {value:.2}"));
            let rest: Vec<String> = cores.into_iter().chain(notes).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{:<28} {:>10.0} {spread:>21} {ratio:>7} {latency}  {}",
                measured.name,
                measured.rate.median,
                rest.join(", "),
            );
        }
        table
    }

    /// Writes the report as JSON.
    pub fn write(&self, path: &Path) -> Result<(), BenchError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let entries: Map<String, Value> = self
            .measured
            .iter()
            .map(|measured| (measured.name.clone(), self.entry(measured)))
            .collect();
        std::fs::write(path, serde_json::to_string_pretty(&entries)?)?;
        Ok(())
    }

    fn entry(&self, measured: &Measured) -> Value {
        json!({
            "value": measured.rate.median,
            "unit": measured.unit,
            "anchor": measured.anchor,
            "ratio": self.ratio(measured),
            "lowest": measured.rate.lowest,
            "highest": measured.rate.highest,
            "latency_us": measured.latency.map(|latency| json!({
                "p50": latency.p50, "p99": latency.p99, "max": latency.max,
            })),
            "cores": measured.cores,
            "notes": measured.notes,
        })
    }

    /// The median of the rate over that of the anchor, if the anchor was part of the run.
    fn ratio(&self, measured: &Measured) -> Option<f64> {
        let anchor = measured.anchor.as_ref()?;
        let anchor = self.measured.iter().find(|other| other.name == *anchor)?;
        Some(measured.rate.median / anchor.rate.median)
    }
}
