// Sends 10 of each type by hot-shots: node hotshots.js PREFIX udp HOST PORT | uds PATH
'use strict';
const StatsD = require('hot-shots');
const [prefix, protocol, where, port] = process.argv.slice(2);
const options = {
  prefix, protocol, globalTags: {env: 'e2e', client: 'hot-shots'}, maxBufferSize: 1000,
  datadog: true, includeDatadogTelemetry: false, errorHandler: die,
};
if (protocol === 'uds') options.path = where; else Object.assign(options, {host: where, port: Number(port)});
function die(err) { console.error(err); process.exit(1); }
const c = new StatsD(options);
for (let i = 1; i <= 10; i++) {
  c.increment('count');
  c.gauge('gauge', 32.5 + i);
  c.timing('timing', i);
  c.histogram('histogram', i);
  c.distribution('distribution', i);
  c.set('set', String(i % 3));
}
c.event('deployed', 'version 2\nby the test');
c.check('alive', c.CHECKS.OK);
c.close(err => { if (err) die(err); });
