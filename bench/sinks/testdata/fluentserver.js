// node fluentserver.js PORT OUT [KEY [USER PASSWORD]]: writes each record as a JSON line.
const { FluentServer } = require("@fluent-org/logger");
const fs = require("fs");
const [port, out, key, user, password] = process.argv.slice(2);
const options = { listenOptions: { host: "127.0.0.1", port: +port } };
if (key) {
  options.security = { serverHostname: "server.test", sharedKey: key, authorize: !!user, userDict: user ? { [user]: password } : {} };
}
const server = new FluentServer(options);
server.on("entry", (tag, time, record) => fs.appendFileSync(out, JSON.stringify({ tag, seconds: time.epoch, nanoseconds: time.nano, record }) + "\n"));
server.listen();
