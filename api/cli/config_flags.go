package cli

import (
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/setting"
)

// configFlag is one setting: a flag, a key of the configuration file, and a
// variable of the environment.
type configFlag struct {
	name string
	in   program
	add  func(fs *pflag.FlagSet, c *Config, name string)
}

// configFlags are all settings, in the order of the help.
var configFlags = []configFlag{
	{"listen", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Listen, name, setting.Listen, "serve the HTTP API on `ADDRESS`")
	}},
	{"token-file", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.TokenFile, name, "",
			"require the token in `FILE` from users of the API "+
				"(default: token in the data directory, created if it does not exist)")
	}},
	{"policy", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.PolicyFile, name, "",
			"let users do what the YAML `FILE` allows, which is read again when it changes (default: only the admin "+
				"token opens the API); see docs/access.md")
	}},
	{"tls-cert", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.Certificate, name, "",
			"serve the HTTP API over TLS with the certificate in `FILE`, which is read again when it changes")
	}},
	{"tls-key", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.Key, name, "", "use the key in `FILE` for the certificate")
	}},
	{"tls-client-ca", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.ClientCA, name, "",
			"accept client certificates by the authorities in `FILE` as proof of who sends a request")
	}},
	{"insecure", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.BoolVar(&c.Insecure, name, false,
			"let the HTTP API and the connection to NATS go over the network without TLS or authentication, so that others "+
				"can read and change all of it: for tests; without it that is refused")
	}},
	{"jwt-keys", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Access.JWTKeys, name, nil,
			"accept tokens (JWT) that the keys at `SOURCE`,… verify: https URLs of key sets (JWKS), or files with a key "+
				"set, public keys in PEM or a secret")
	}},
	{"jwt-issuer", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.JWTIssuer, name, "", "accept only such tokens of the issuer `NAME`")
	}},
	{"jwt-audience", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.JWTAudience, name, "", "accept only such tokens that are meant for `NAME`")
	}},
	{"jwt-name", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Access.JWTName, name, []string{"uid", "sub"},
			"take a user's name from the first of the claims `NAME`,… that such a token has")
	}},
	{"jwt-groups", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.JWTGroups, name, "groups", "take a user's groups from the claim `NAME`")
	}},
	{"oidc-issuer", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.OIDCIssuer, name, "",
			"let people sign in at the identity provider (OpenID Connect) at `URL`; it must know "+
				"RELAY/api/v1/auth/oidc/callback as a redirect URL")
	}},
	{"oidc-client-id", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.OIDCClientID, name, "", "be the client `ID` at that provider")
	}},
	{"oidc-client-secret-file", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.OIDCClientSecret, name, "",
			"prove so by the secret in `FILE`, which is read at each use (default: a public client, which has none)")
	}},
	{"oidc-scopes", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Access.OIDCScopes, name, []string{"openid", "profile", "email"},
			"ask that provider for the scopes `NAME`,…; some have one for groups")
	}},
	{"oidc-name", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Access.OIDCName, name, []string{"sub"},
			"take a user's name from the first of the claims `NAME`,… that the provider has: preferred_username and "+
				"email are easier to read than sub, but choose one that users cannot change")
	}},
	{"oidc-groups", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.OIDCGroups, name, "groups", "take a user's groups from the provider's claim `NAME`")
	}},
	{"oidc-ca", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.OIDCCA, name, "",
			"trust a provider with a certificate by the authorities in `FILE` (default: the system's)")
	}},
	{"public-url", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Access.PublicURL, name, "",
			"tell browsers that the relay is at `URL`, for one behind a proxy, and answer requests to that host "+
				"(default: the address that they ask)")
	}},
	{"data", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Data, name, "",
			"keep token, history and spool in the directory `DIR` (default: "+setting.Data+
				", without root ~/.local/share/daytwo)")
	}},
	{"interval", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Interval = setting.Interval
		fs.Var((*age)(&c.Interval), name,
			"read all metrics every `DURATION`, from 100ms to 1h, at whole multiples of it on the clock")
	}},
	{"agent-id", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.AgentID, name, "", "name this node `ID` (default: the machine id)")
	}},
	{"metrics", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Metrics, name, setting.Metrics,
			"serve this node's own Prometheus page, /metrics, on the loopback `ADDRESS`; it requires no token; "+
				"\"none\" turns it off")
	}},
	{"cluster", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Cluster, name, setting.Cluster,
			"belong to the cluster `NAME`: relays see the collectors with the same name")
	}},
	{"shards", up | collector | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Shards, name, setting.Shards,
			"spread the nodes over `N` NATS subjects; must be the same in the whole cluster")
	}},
	{"nats", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.NATS, name, []string{setting.NATS}, "connect to the NATS servers at `URL`,…")
	}},
	{"nats-creds", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSCreds, name, "", "log in to NATS with the credentials in `FILE`")
	}},
	{"nats-ca", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSCA, name, "",
			"trust NATS servers with certificates by the authorities in `FILE` (default: the system's)")
	}},
	{"nats-cert", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSCert, name, "", "present the client certificate in `FILE` to NATS")
	}},
	{"nats-key", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSKey, name, "", "use the key in `FILE` for the client certificate")
	}},
	{"nats-listen", up, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSListen, name, "",
			"let collectors of other machines connect to the embedded NATS server at `ADDRESS`, over TLS, with "+
				"credentials of 'daytwo node enroll'; see docs/cluster.md")
	}},
	{"nats-advertise", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.NATSAdvertise, name, nil,
			"tell nodes that are enrolled to use the NATS servers at `URL`,… (default: those of --nats; with "+
				"--nats-listen this machine)")
	}},
	{"cluster-keys", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.ClusterKeys, name, "",
			"let nodes into the cluster with the keys in `DIR`, of 'daytwo cluster init': one relay of a cluster has them "+
				"(default with --nats-listen: cluster-keys in the data directory)")
	}},
	{"node-validity", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.NodeValidity = setting.NodeValidity
		fs.Var((*age)(&c.NodeValidity), name,
			"make credentials of nodes that are valid for `DURATION`; nodes renew them by themselves in time")
	}},
	{"join", collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Join.Relay, name, "",
			"become a node of a cluster at the first start: exchange the --code at the relay at `URL` for a NATS "+
				"credential, which is kept in the data directory, with the servers to use")
	}},
	{"code", collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Join.Code, name, "",
			"use the enrolment `CODE` of 'daytwo node code' for --join; it works once")
	}},
	{"join-ca", collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Join.CA, name, "",
			"trust a relay with a certificate by the authorities in `FILE` for --join (default: the system's, and the "+
				"cluster's own, which the code names)")
	}},
	{"nats-replicas", relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Replicas, name, 1,
			"store frames on `N` NATS servers: 1, 3 or 5, and no more than there are servers")
	}},
	{"socket", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Socket, name, "",
			"serve the launch API, which gives containers their StatsD ports, on the unix socket `PATH` "+
				"(default: "+launch.SocketName+" in the data directory)")
	}},
	{"statsd", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Statsd.Listen, name, setting.StatsdListen(),
			"receive StatsD on `ADDRESS`,…: host:port for UDP, unixgram:///path or unix:///path; "+
				"append ?dialect=etsy for clients of the original StatsD; \"none\" turns StatsD off")
	}},
	{"statsd-ports", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.Var((*portRange)(&c.Statsd.Ports), name,
			"give containers ports from `FIRST-LAST` (default: 20000-29999, or others where the kernel gives those "+
				"to clients); two collectors in one network namespace need different ones")
	}},
	{"statsd-rules", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Statsd.Rules, name, "",
			"rename, label or drop metrics by the mappings in `FILE`, written as for statsd_exporter")
	}},
	{"statsd-budget", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Statsd.Budget, name, setting.StatsdBudget,
			"keep at most `N` series of each container; samples of more are added to one overflow series")
	}},
	{"statsd-series", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Statsd.Series, name, setting.StatsdSeries,
			"keep at most `N` series of all containers; each takes about 300 bytes of memory")
	}},
	{"statsd-expiry", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Statsd.Expiry = Expiry{setting.StatsdExpiry, setting.StatsdExpiry, setting.StatsdExpiry, setting.StatsdExpiry}
		fs.Var(expiry{&c.Statsd.Expiry}, name,
			"forget a series that had no sample for `DURATION`, or by type: counter=7d,gauge=5m,histogram=1h,set=1h")
	}},
	{"journal", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Journal, name, setting.Journal(),
			"read log entries from the journal files in `DIR`,… and in the directories below; \"none\" reads no logs")
	}},
	{"session-keys", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.SessionKeys, name, "",
			"let relays whose public keys are in `FILE` (PEM, one after another) open sessions in containers of this "+
				"node; the file is read again when it changes (default: session-key.pem.pub in the data directory, "+
				"which the relay of daytwo up writes; without it the node takes no sessions)")
	}},
	{"node-exec", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.BoolVar(&c.NodeExec, name, false,
			"let relays run commands as root on this node itself, outside of all containers ('daytwo node exec'), for those "+
				"whom the policy allows daytwo:node-shell")
	}},
	{"session-policy", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.SessionPolicy, name, "",
			"open sessions only as the policy in `FILE` allows it, too (the same language as --policy); it can only narrow "+
				"what relays allow, is read again when it changes, and while it is broken or missing nothing is allowed")
	}},
	{"no-bpf", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.BoolVar(&c.NoBPF, name, false, "load no BPF program; read the kernel's files instead, which costs more CPU")
	}},
	{"ship-logs", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.BoolVar(&c.ShipLogs, name, false,
			"ship the log entries of this node, from the journal and from containers, to NATS, where the sinks of "+
				"relays take them; while NATS is unreachable they stay in the journal")
	}},
	{"ship-rules", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.ShipRules, name, "",
			"filter, join, sample, limit and redact the entries by the rules in the YAML `FILE` (see docs/shipping.md)")
	}},
	{"ship-since", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.ShipSince = setting.ShipSince
		fs.Var((*age)(&c.ShipSince), name,
			"begin the first time with entries as old as `DURATION`; later starts go on where the one before ended")
	}},
	{"logs-retention", up | collector | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.LogsRetention = setting.LogsRetention
		fs.Var((*age)(&c.LogsRetention), name, "let NATS keep shipped logs for `DURATION`, for sinks that do not respond")
	}},
	{"logs-size", up | collector | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.LogsSize = setting.LogsBytes
		fs.Var((*size)(&c.LogsSize), name,
			"let NATS keep at most `SIZE` of shipped logs, all nodes together; the oldest go first")
	}},
	{"spool-size", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.SpoolSize = setting.SpoolBytes
		fs.Var((*size)(&c.SpoolSize), name, "keep at most `SIZE` of frames on disk while NATS is unreachable")
	}},
	{"retention", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Retention = setting.History
		fs.Var((*age)(&c.Retention), name, "keep history for `DURATION` (units ms, s, m, h, d)")
	}},
	{"retention-size", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.RetentionSize = setting.HistoryBytes
		fs.Var((*size)(&c.RetentionSize), name, "keep at most `SIZE` of history on disk (units KiB, MiB, GiB, TiB)")
	}},
	{"record", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.Var((*recordAll)(&c.Recordings.All), name,
			"record all sessions, of which `WHAT`: policy, what the rules say that allow them; output, what programs print; "+
				"input, also what is typed while the terminal echoes. Those that cannot be recorded do not start")
	}},
	{"recordings-keep", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Recordings.Keep = setting.RecordingsKeep
		fs.Var((*age)(&c.Recordings.Keep), name, "keep recordings of sessions for `DURATION`")
	}},
	{"recordings-size", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Recordings.Bytes = setting.RecordingsBytes
		fs.Var((*size)(&c.Recordings.Bytes), name,
			"keep at most `SIZE` of recordings; the oldest go first, and one session has at most a quarter")
	}},
	{"recordings-recipients", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Recordings.Recipients, name, "",
			"encrypt recordings to the age recipients (public keys) in `FILE`, which is read for each one: whoever plays "+
				"them needs an identity of one of them, the relay has none")
	}},
	{"watch-unseen", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.BoolVar(&c.Recordings.Unseen, name, false, "do not tell people in a session of auditors who watch it")
	}},
	{"sinks", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Sinks, name, "",
			"deliver shipped logs to the sinks in the YAML `FILE`, which is read again when it changes: see 'daytwo sink "+
				"--help'")
	}},
	{"log-level", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.Var((*level)(&c.LogLevel), name, "log messages of `LEVEL` and above: debug, info, warn, error")
	}},
	{"log-format", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.LogFormat, name, "text", "write the log to stderr in `FORMAT`: text, json")
	}},
}
