//! What is counted of plugins, whichever of their tools is called.

use std::{sync::Arc, time::Duration};

use metrics::counter;

use super::{
    DENIED, HTTP_REQUESTS, LIMIT_REACHED, REFUSED,
    histogram::Histogram,
    names::{Names, PLUGINS_MAX},
    text::Text,
};

static PLUGINS: Names<Series, 2> = Names::new(PLUGINS_MAX);

/// A plugin by its name and its tenant's, and what is counted of it.
#[derive(Debug)]
pub struct OfPlugin {
    tenant: Box<str>,
    name: Box<str>,
    series: Arc<Series>,
}

/// What is counted under the same labels.
#[derive(Debug)]
struct Series {
    tenant: Arc<str>,
    plugin: Arc<str>,
    waited: Histogram,
    instantiated: Histogram,
}

/// What is counted of this plugin: looked up when it is loaded.
pub fn of_plugin(tenant: &str, plugin: &str) -> Arc<OfPlugin> {
    let series = PLUGINS.get([tenant, plugin], |[tenant, plugin]| Series {
        tenant: tenant.as_str().into(),
        plugin: plugin.as_str().into(),
        waited: Histogram::default(),
        instantiated: Histogram::default(),
    });
    Arc::new(OfPlugin { tenant: tenant.into(), name: plugin.into(), series })
}

impl OfPlugin {
    /// Whose it is, as the log says it, also where it is counted together with others'.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// As the log calls it, also where it is counted together with others.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A call waited so long for a place.
    pub fn waited(&self, wait: Duration) {
        self.series.waited.note(wait);
    }

    /// A fresh instance took so long to make.
    pub fn instantiated(&self, took: Duration) {
        self.series.instantiated.note(took);
    }

    /// A call, or something it wanted, ran into a limit, which the configuration calls `limit`.
    pub fn limit_reached(&self, limit: &'static str) {
        counter!(LIMIT_REACHED, "tenant" => self.tenant_label(), "plugin" => self.plugin_label(), "limit" => limit)
            .increment(1);
    }

    /// It tried something that was not granted; `grant` is the part of its grants that would have to say so.
    pub fn refused(&self, grant: &'static str) {
        counter!(REFUSED, "tenant" => self.tenant_label(), "plugin" => self.plugin_label(), "grant" => grant)
            .increment(1);
    }

    /// The policy did not let somebody use it.
    pub fn denied(&self) {
        counter!(DENIED, "tenant" => self.tenant_label(), "plugin" => self.plugin_label()).increment(1);
    }

    /// It sent a request to the outside, or wanted to; `outcome` is one of a few.
    pub fn requested(&self, outcome: &'static str) {
        counter!(HTTP_REQUESTS, "tenant" => self.tenant_label(), "plugin" => self.plugin_label(), "outcome" => outcome)
            .increment(1);
    }

    fn tenant_label(&self) -> metrics::SharedString {
        Arc::clone(&self.series.tenant).into()
    }

    fn plugin_label(&self) -> metrics::SharedString {
        Arc::clone(&self.series.plugin).into()
    }
}

pub(super) fn render(text: &mut Text) {
    let all = PLUGINS.all();
    let mut render = |name: &str, help: &str, histogram: fn(&Series) -> &Histogram| {
        text.metric(name, "histogram", help);
        for ([tenant, plugin], of) in &all {
            text.histogram(name, &[("tenant", tenant), ("plugin", plugin)], histogram(of));
        }
    };
    let waited = "What calls waited for a place that found none free.";
    render("toolyard_queue_wait_seconds", waited, |of| &of.waited);
    let instantiated = "What making a fresh instance took, for calls that found none ready.";
    render("toolyard_instantiate_seconds", instantiated, |of| &of.instantiated);
}
