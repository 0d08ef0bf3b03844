//! Forms: the fields of an object as its text has them, and the edits that set them.
//!
//! A field is a path below its object. Its value is what the text says, so that what is not written
//! is empty and has its default. Setting it changes the bytes of the value only.

use super::editor::{Editor, is_router};
use super::find::{items, node_at};
use super::{ChangeError, Thing};
use crate::diag::Span;
use crate::fields::{DefaultValue, Type};
use crate::yaml::edit::{Edit, PathPart, YamlPath};
use crate::yaml::{Tree, Value, YamlNode};

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A text.
    Text,
    /// A number from the first to the second.
    Number(i64, i64),
    /// A number, or a name.
    NumberOrName,
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts, with commas between them.
    List,
    /// Keys and values: `app=web, tier=front`.
    Pairs,
}

impl Input {
    /// The input for a value of a type.
    const fn of(value: &Type) -> Self {
        match value {
            Type::Boolean => Self::Flag,
            Type::Integer(first, last) => Self::Number(*first, *last),
            Type::Word(words) => Self::Word(words),
            Type::List(_) => Self::List,
            _ => Self::Text,
        }
    }

    /// The value that a typed text stands for; `None`: the field is left out.
    pub fn read(self, text: &str) -> Option<Tree> {
        let text = text.trim();
        let parts = || text.split(',').map(str::trim).filter(|p| !p.is_empty());
        let is_number = || text.bytes().all(|b| b.is_ascii_digit());
        if text.is_empty() {
            return None;
        }
        Some(match self {
            Self::Flag => Tree::plain(text),
            Self::Number(..) | Self::NumberOrName if is_number() => Tree::plain(text),
            Self::Text | Self::Word(_) | Self::Number(..) | Self::NumberOrName => Tree::text(text),
            Self::List => Tree::Seq(parts().map(Tree::text).collect()),
            Self::Pairs => Tree::map(parts().map(|p| {
                let (key, value) =
                    p.split_once('=').or_else(|| p.split_once(':')).unwrap_or((p, ""));
                (key.trim(), Tree::text(value.trim()))
            })),
        })
    }

    /// A value as [`Self::read`] reads it.
    fn print(self, node: &YamlNode) -> String {
        match &node.value {
            Value::Scalar { .. } if node.is_null() => String::new(),
            Value::Scalar { text, .. } => text.clone(),
            Value::Seq(all) => all.iter().map(YamlNode::text).collect::<Vec<_>>().join(", "),
            Value::Map(pairs) => {
                let pair = |(k, v): &(YamlNode, YamlNode)| format!("{}={}", k.text(), v.text());
                pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// A field of an object or of an item of one of its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// Its keys below its group or the `spec` of the object, such as `nic.name`.
    pub name: String,
    /// Its path below the object.
    pub path: Vec<PathPart>,
    /// What it takes.
    pub input: Input,
    /// Its value in the text; empty if it is not written.
    pub value: String,
    /// The value that it has if it is not written; empty if another field or component decides.
    pub default: &'static str,
    /// Where its value is in the text.
    pub span: Option<Span>,
}

/// Fields that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormGroup {
    /// The object's fields: empty; else the path of the item below the last `spec`, such as
    /// `containers[1].ports[0]`.
    pub title: String,
    /// The path of the item, by which it can be removed.
    pub item: Option<Vec<PathPart>>,
    /// Its fields.
    pub fields: Vec<FormField>,
    /// The path of the list that this group ends, and what **Add** calls an item of it.
    pub add: Option<(Vec<PathPart>, &'static str)>,
}

/// A field: its path below the group with `/` between keys, its input, its default, and whether it
/// is shown although the text does not have it.
type Row = (&'static str, Input, &'static str, fn(&YamlNode) -> bool);

const POLICY: Input = Input::Word(&["Cluster", "Local"]);
const PROTOCOL: Input = Input::Word(&["TCP", "UDP", "SCTP"]);
const PORT: Input = Input::Number(1, 65_535);

fn always(_: &YamlNode) -> bool {
    true
}

fn service_type(object: &YamlNode) -> &str {
    object.at(&["spec", "type"]).map_or("ClusterIP", YamlNode::text)
}

fn is_load_balancer(object: &YamlNode) -> bool {
    service_type(object) == "LoadBalancer"
}

fn is_external_name(object: &YamlNode) -> bool {
    service_type(object) == "ExternalName"
}

fn has_ips(object: &YamlNode) -> bool {
    !is_external_name(object)
}

fn is_outside(object: &YamlNode) -> bool {
    matches!(service_type(object), "NodePort" | "LoadBalancer")
        || !items(object.at(&["spec", "externalIPs"])).is_empty()
}

fn has_affinity(object: &YamlNode) -> bool {
    object.at(&["spec", "sessionAffinity"]).is_some_and(|a| a.text() == "ClientIP")
}

fn has_node_ports(object: &YamlNode) -> bool {
    matches!(service_type(object), "NodePort" | "LoadBalancer")
}

fn is_local(object: &YamlNode) -> bool {
    is_load_balancer(object)
        && object.at(&["spec", "externalTrafficPolicy"]).is_some_and(|p| p.text() == "Local")
}

const SERVICE: &[Row] = &[
    ("spec/externalName", Input::Text, "", is_external_name),
    ("spec/selector", Input::Pairs, "", has_ips),
    ("spec/clusterIP", Input::Text, "", has_ips),
    ("spec/externalTrafficPolicy", POLICY, "Cluster", is_outside),
    ("spec/internalTrafficPolicy", POLICY, "Cluster", has_ips),
    ("spec/sessionAffinity", Input::Word(&["None", "ClientIP"]), "None", has_ips),
    (
        "spec/sessionAffinityConfig/clientIP/timeoutSeconds",
        Input::Number(1, 86_400),
        "10800",
        has_affinity,
    ),
    ("spec/externalIPs", Input::List, "", has_ips),
    ("spec/loadBalancerSourceRanges", Input::List, "", is_load_balancer),
    ("spec/healthCheckNodePort", PORT, "", is_local),
    ("spec/allocateLoadBalancerNodePorts", Input::Flag, "true", is_load_balancer),
    ("spec/publishNotReadyAddresses", Input::Flag, "false", has_ips),
    (
        "spec/trafficDistribution",
        Input::Word(&["PreferClose", "PreferSameZone", "PreferSameNode"]),
        "",
        has_ips,
    ),
];
const SERVICE_PORT: &[Row] = &[
    ("name", Input::Text, "", always),
    ("protocol", PROTOCOL, "TCP", always),
    ("port", PORT, "", always),
    ("targetPort", Input::NumberOrName, "", always),
    ("nodePort", PORT, "", has_node_ports),
];
const INGRESS: &[Row] =
    &[("ip", Input::Text, "", always), ("ipMode", Input::Word(&["VIP", "Proxy"]), "VIP", always)];
const DEPLOYMENT: &[Row] = &[
    ("spec/selector/matchLabels", Input::Pairs, "", always),
    ("spec/template/metadata/labels", Input::Pairs, "", always),
    ("spec/template/spec/nodeName", Input::Text, "", always),
];
const CONTAINER: &[Row] = &[("name", Input::Text, "", always), ("image", Input::Text, "", always)];
const CONTAINER_PORT: &[Row] = &[
    ("name", Input::Text, "", always),
    ("containerPort", PORT, "", always),
    ("protocol", PROTOCOL, "TCP", always),
    ("hostPort", PORT, "", always),
];

/// The fields of a node, below `spec/nodes`.
const NODE: &[&str] = &["hostname", "role", "zone", "nic/name", "docker", "dockerMAC", "vtepMAC"];
/// The fields of a host, below `spec/hosts`.
const HOST: &[&str] = &["hostname", "nic/name"];
/// The fields of a router, below `spec/routers`.
const ROUTER: &[&str] = &["hostname"];
/// The fields of its interfaces, below `spec/routers/interfaces`.
const ROUTER_NIC: &[&str] = &["name", "address", "mac", "mtu"];
/// The fields of the Topology itself.
const TOPOLOGY: &[&str] = &[
    "spec/seed",
    "spec/kubernetes/podCIDR",
    "spec/kubernetes/serviceCIDR",
    "spec/kubernetes/serviceNodePortRange",
    "spec/kubeProxy/masqueradeAll",
    "spec/kubeProxy/clusterCIDR",
    "spec/kubeProxy/nodePortAddresses",
    "spec/kubeProxy/localhostNodePorts",
    "spec/flannel/backend",
    "spec/flannel/directRouting",
    "spec/flannel/vni",
    "spec/flannel/port",
    "spec/flannel/ipMasq",
    "spec/loadBalancer",
    "spec/loadBalancerHost",
    "spec/loadBalancerPool",
];
/// The fields of a segment, below `spec/segments`.
const LAN: &[&str] = &["subnet", "gateway", "mtu"];

/// The rows of fields of a Topology, from the table of its fields. `base`: the path that theirs are
/// below.
fn topology_rows(base: &str, paths: &[&'static str]) -> Vec<Row> {
    let row = |path: &&'static str| {
        let keys = base.split('/').chain(path.split('/')).filter(|k| !k.is_empty());
        let field = crate::fields::TOPOLOGY.field(keys).expect("invariant: the table has it");
        let default = match field.default {
            Some(DefaultValue::Fixed(value)) => value,
            _ => "",
        };
        let row: Row = (path, Input::of(&field.value), default, always);
        row
    };
    paths.iter().map(row).collect()
}

fn path_of(path: &str) -> Vec<PathPart> {
    path.split('/').filter(|k| !k.is_empty()).map(|k| PathPart::Key(k.to_owned())).collect()
}

fn below<'a>(node: &'a YamlNode, path: &[PathPart]) -> Option<&'a YamlNode> {
    path.iter().try_fold(node, |node, part| match part {
        PathPart::Key(key) => node.get(key),
        PathPart::Item(i) => node.items().get(*i),
    })
}

fn fields(object: &YamlNode, base: &[PathPart], rows: &[Row]) -> Vec<FormField> {
    let field = |(path, input, default, is_shown): &Row| {
        let full: Vec<_> = base.iter().cloned().chain(path_of(path)).collect();
        let node = below(object, &full).filter(|n| !n.is_null());
        (node.is_some() || is_shown(object)).then(|| FormField {
            name: path.strip_prefix("spec/").unwrap_or(path).replace('/', "."),
            path: full,
            input: *input,
            value: node.map(|n| input.print(n)).unwrap_or_default(),
            default,
            span: node.map(|n| n.span),
        })
    };
    rows.iter().filter_map(field).collect()
}

/// The title of an item: its path below the last `spec`.
fn title(item: &[PathPart]) -> String {
    let spec = item.iter().rposition(|p| *p == PathPart::Key("spec".to_owned()));
    let mut title = String::new();
    for part in &item[spec.map_or(0, |i| i + 1)..] {
        match part {
            PathPart::Key(key) if title.is_empty() => title.push_str(key),
            PathPart::Key(key) => title.extend([".", key]),
            PathPart::Item(i) => title.push_str(&format!("[{i}]")),
        }
    }
    title
}

/// The groups of a list's items. `add`: the name of what can be added behind the last.
fn listed(
    object: &YamlNode,
    list: Vec<PathPart>,
    rows: &[Row],
    add: &'static str,
) -> Vec<FormGroup> {
    let n = items(below(object, &list)).len();
    let group = |i: usize| {
        let item: Vec<_> = list.iter().cloned().chain([PathPart::Item(i)]).collect();
        let fields = fields(object, &item, rows);
        FormGroup { title: title(&item), item: Some(item), fields, add: None }
    };
    let mut out: Vec<_> = (0..n).map(group).collect();
    if !add.is_empty() {
        let more = Some((list.clone(), add));
        match out.last_mut() {
            Some(last) => last.add = more,
            None => out.push(FormGroup {
                title: String::new(),
                item: None,
                fields: Vec::new(),
                add: more,
            }),
        }
    }
    out
}

/// The form of an object, as its text has it; `None` if the text does not define it. Without a
/// Topology in the text, that of the default one.
pub fn form(text: &str, thing: &Thing) -> Option<Vec<FormGroup>> {
    let mut editor = Editor::new(text);
    let at = editor.path_to(thing).ok()?;
    let docs = editor.docs();
    let object = node_at(&docs, &at)?;
    let own = |rows: &[Row]| {
        vec![FormGroup {
            title: String::new(),
            item: None,
            fields: fields(object, &[], rows),
            add: None,
        }]
    };
    Some(match thing {
        Thing::Service(..) => {
            let mut out = listed(object, path_of("spec/ports"), SERVICE_PORT, "port");
            out.extend(own(SERVICE));
            if is_load_balancer(object) {
                out.extend(listed(
                    object,
                    path_of("status/loadBalancer/ingress"),
                    INGRESS,
                    "ingress",
                ));
            }
            out
        }
        Thing::Deployment(..) => {
            let mut out = own(DEPLOYMENT);
            let containers = path_of("spec/template/spec/containers");
            for mut group in listed(object, containers, CONTAINER, "") {
                let item = group.item.take().unwrap_or_default();
                let ports = item.into_iter().chain(path_of("ports")).collect();
                out.push(group);
                out.extend(listed(object, ports, CONTAINER_PORT, "port"));
            }
            out
        }
        Thing::Node(_) => own(&topology_rows("spec/nodes", NODE)),
        Thing::Host(_) if is_router(&at) => {
            let nics = topology_rows("spec/routers/interfaces", ROUTER_NIC);
            let mut out = own(&topology_rows("spec/routers", ROUTER));
            out.extend(listed(object, path_of("interfaces"), &nics, ""));
            out
        }
        Thing::Host(_) => own(&topology_rows("spec/hosts", HOST)),
        Thing::Segment(_) => {
            let mut out =
                listed(object, path_of("spec/segments"), &topology_rows("spec/segments", LAN), "");
            out.iter_mut().for_each(|lan| lan.item = None);
            out.extend(own(&topology_rows("", TOPOLOGY)));
            out
        }
    })
}

impl Editor {
    /// The path of an object; of the segment, that of its Topology.
    pub(super) fn path_to(&mut self, thing: &Thing) -> Result<YamlPath, ChangeError> {
        match thing {
            Thing::Node(_) | Thing::Host(_) => self.machine(thing),
            Thing::Deployment(namespace, name) => self.object("Deployment", namespace, name),
            Thing::Service(namespace, name) => self.object("Service", namespace, name),
            Thing::Segment(_) => self.topology(),
        }
    }

    /// Sets a field of an object, or removes it, with what becomes empty around it.
    pub(super) fn set_field(
        &mut self,
        thing: &Thing,
        path: &[PathPart],
        value: Option<&Tree>,
    ) -> Result<(), ChangeError> {
        let mut at = self.path_to(thing)?;
        let root = at.parts.len();
        at.parts.extend(path.iter().cloned());
        let Some(value) = value else {
            if self.node(&at).is_none() {
                return Ok(());
            }
            self.edit(Edit::Remove(at.clone()))?;
            // Below spec: an empty mapping says nothing.
            while at.parts.pop().is_some() && at.parts.len() > root + 1 {
                let is_empty = |n: &YamlNode| {
                    n.is_null() || matches!(&n.value, Value::Map(pairs) if pairs.is_empty())
                };
                if !matches!(at.parts.last(), Some(PathPart::Key(_)))
                    || !self.node(&at).as_ref().is_some_and(is_empty)
                {
                    break;
                }
                self.edit(Edit::Remove(at.clone()))?;
            }
            return Ok(());
        };
        self.put(at, value)
    }

    /// Makes a value equal to `new`, with an edit of each part that differs.
    fn put(&mut self, at: YamlPath, new: &Tree) -> Result<(), ChangeError> {
        let old = self.node(&at);
        match (old.as_ref().map(|o| &o.value), new) {
            (Some(Value::Map(was)), Tree::Map(is)) if !was.is_empty() && !is.is_empty() => {
                let key = |t: &Tree| {
                    if let Tree::Scalar { text, .. } = t { text.clone() } else { String::new() }
                };
                for (k, v) in is {
                    self.put(at.clone().key(&key(k)), v)?;
                }
                for (k, _) in was {
                    if !is.iter().any(|(i, _)| key(i) == k.text()) {
                        self.edit(Edit::Remove(at.clone().key(k.text())))?;
                    }
                }
                Ok(())
            }
            (Some(Value::Seq(was)), Tree::Seq(is)) if !was.is_empty() && !is.is_empty() => {
                for i in (is.len()..was.len()).rev() {
                    self.edit(Edit::Remove(at.clone().item(i)))?;
                }
                for (i, v) in is.iter().enumerate() {
                    if i < was.len() {
                        self.put(at.clone().item(i), v)?;
                    } else {
                        self.edit(Edit::Push(at.clone(), v.clone()))?;
                    }
                }
                Ok(())
            }
            _ if old.as_ref().is_some_and(|o| Tree::from(o) == *new) => Ok(()),
            _ => self.edit(Edit::Set(at, new.clone())),
        }
    }

    /// Adds an item to a list of ports or of a load balancer's addresses, like the last one, with
    /// the first number or address that is free.
    pub(super) fn add_item(&mut self, thing: &Thing, list: &[PathPart]) -> Result<(), ChangeError> {
        let mut at = self.path_to(thing)?;
        at.parts.extend(list.iter().cloned());
        let node = self.node(&at);
        let all = items(node.as_ref());
        let is_list = |name: &str| list.last() == Some(&PathPart::Key(name.to_owned()));
        let taken = |key: &str, value: &str| {
            all.iter().any(|p| p.get(key).is_some_and(|p| p.text() == value))
        };
        if is_list("ingress") {
            let free = (10..255).map(|n| format!("192.0.2.{n}")).find(|ip| !taken("ip", ip));
            let item = Tree::map([("ip", Tree::text(free.unwrap_or_default()))]);
            return self.edit(Edit::Push(at, item));
        }
        let is_service = matches!(thing, Thing::Service(..));
        let key = if is_service { "port" } else { "containerPort" };
        let port = (80..=u16::MAX).find(|p| !taken(key, &p.to_string())).unwrap_or(80);
        let mut item = vec![(key, Tree::plain(port))];
        // With more than one port, each of a Service needs a name.
        if is_service && !all.is_empty() {
            for (i, p) in all.iter().enumerate().filter(|(_, p)| p.get("name").is_none()) {
                let name = format!("port-{}", p.get("port").map_or("", YamlNode::text));
                self.edit(Edit::Set(at.clone().item(i).key("name"), Tree::text(name)))?;
            }
            item.insert(0, ("name", Tree::text(format!("port-{port}"))));
        }
        self.edit(Edit::Push(at, Tree::map(item)))
    }
}
