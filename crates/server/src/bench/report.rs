//! The table: raw limits first, then this program beside them.

use std::collections::BTreeMap;

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Short name, for machines.
    pub name: String,
    /// What it is.
    pub what: String,
    /// Unit.
    pub unit: &'static str,
    /// Median of the runs.
    pub median: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// How many runs.
    pub runs: usize,
}

/// A figure beside another of the same run.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    /// The figure.
    pub name: String,
    /// The limit.
    pub against: String,
    /// Median by median.
    pub ratio: f64,
    /// What it should be at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    #[serde(skip)]
    json: bool,
    machine: BTreeMap<&'static str, String>,
    figures: Vec<Figure>,
    ratios: Vec<Ratio>,
    goals: BTreeMap<String, String>,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        let mut machine = BTreeMap::new();
        machine.insert("processor", field(&read("/proc/cpuinfo"), "model name"));
        machine.insert("processors", std::thread::available_parallelism().map_or(0, usize::from).to_string());
        machine.insert("memory", field(&read("/proc/meminfo"), "MemTotal"));
        machine.insert("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned());
        machine.insert("sfs", env!("CARGO_PKG_VERSION").to_owned());
        Self { json, machine, figures: Vec::new(), ratios: Vec::new(), goals: BTreeMap::new() }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn line(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    pub(super) fn header(&self) {
        for (name, value) in &self.machine {
            self.line(&format!("{name:12} {value}"));
        }
        self.line("");
        self.line(&format!("{:48} {:>12} {:>12} {:>12}  unit", "figure", "median", "min", "max"));
    }

    pub(super) fn footer(&self) {
        self.line("");
        self.line(&format!("{:24} {:>16} {:>8} {:>8}", "ratio of", "to", "is", "goal"));
        for ratio in &self.ratios {
            let goal = ratio.goal.map_or_else(String::new, |goal| format!("≥ {goal:.2}"));
            self.line(&format!("{:24} {:>16} {:>8.2} {:>8}", ratio.name, ratio.against, ratio.ratio, goal));
        }
        for (name, goal) in &self.goals {
            self.line(&format!("{name:24} goal {goal}"));
        }
    }

    /// Adds a figure; `what` ending in a colon takes the number in the name.
    pub(super) fn add(
        &mut self,
        name: &str,
        what: &str,
        unit: &'static str,
        values: &[f64],
        against: Option<(&str, Option<f64>)>,
    ) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let number = name.split(' ').nth(1).unwrap_or_default();
        let what = if what.ends_with(": ") { format!("{what}{number}") } else { what.to_owned() };
        let figure = Figure {
            name: name.to_owned(),
            what,
            unit,
            median: sorted.get(sorted.len() / 2).copied().unwrap_or_default(),
            min: sorted.first().copied().unwrap_or_default(),
            max: sorted.last().copied().unwrap_or_default(),
            runs: sorted.len(),
        };
        let digits = if figure.median < 100.0 { 2 } else { 0 };
        self.line(&format!(
            "{:48} {:>12.digits$} {:>12.digits$} {:>12.digits$}  {unit}",
            figure.what, figure.median, figure.min, figure.max
        ));
        self.figures.push(figure);
        if let Some((limit, goal)) = against {
            self.compare(name, limit, goal);
        }
    }

    /// Puts a figure beside another, if both were measured.
    pub(super) fn compare(&mut self, name: &str, against: &str, goal: Option<f64>) {
        let median = |name: &str| self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.median);
        if let (Some(mine), Some(limit)) = (median(name), median(against))
            && limit > 0.0
        {
            self.ratios.push(Ratio { name: name.into(), against: against.into(), ratio: mine / limit, goal });
        }
    }

    /// Notes a goal that is not a ratio.
    pub(super) fn goal(&mut self, name: &str, goal: &str) {
        self.goals.insert(name.into(), goal.into());
    }

    /// Adds memory, in MiB.
    pub(super) fn add_bytes(&mut self, name: &str, what: &str, bytes: u64, goal: Option<f64>) {
        self.add(name, what, "MiB", &[bytes as f64 / 1_048_576.0], None);
        if let Some(goal) = goal {
            self.goal(name, &format!("≤ {goal} MiB"));
        }
    }
}
