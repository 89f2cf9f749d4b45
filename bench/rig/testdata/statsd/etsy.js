// Runs etsy's own statsd server, which repeats to HOST PORT what it is sent, and
// sends it its clients' lines: node etsy.js PREFIX HOST PORT
'use strict';
const {spawn} = require('child_process');
const dgram = require('dgram');
const fs = require('fs');
const path = require('path');
const [prefix, host, port] = process.argv.slice(2);
const own = 18125, config = `/tmp/etsy-${process.pid}.js`;
fs.writeFileSync(config, JSON.stringify({
  port: own, mgmt_port: own + 1, address: '127.0.0.1', backends: ['./backends/repeater'],
  repeater: [{host, port: Number(port)}], repeaterProtocol: 'udp4', flushInterval: 60000,
}));
const server = spawn(process.execPath, [path.join(path.dirname(require.resolve('statsd/package.json')), 'stats.js'), config], {stdio: ['ignore', 'inherit', 'inherit']});
const lines = [];
for (let i = 1; i <= 10; i++) {
  lines.push(`${prefix}count:1|c`, `${prefix}gauge:${32.5 + i}|g`, `${prefix}timing:${i}|ms`, `${prefix}set:${i % 3}|s`);
}
lines.push(`${prefix}sampled:1|c|@0.1`);
setTimeout(() => {
  const s = dgram.createSocket('udp4');
  let left = lines.length;
  for (const line of lines) s.send(line, own, '127.0.0.1', err => {
    if (err) { console.error(err); process.exit(1); }
    if (--left === 0) setTimeout(() => { server.kill(); s.close(); }, 500);
  });
}, 1500);
server.on('exit', () => process.exit(0));
