#!/usr/bin/env node
// This file is plain JavaScript, so that an older Node can run it and print the version that is needed.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `proofhouse-conformance: Node 22.18 or later is needed; this is ${process.versions.node}. See https://nodejs.org\n`,
  );
  process.exitCode = 2;
} else {
  await import('../src/main.ts');
}
