#!/usr/bin/env node
// The entry is plain JavaScript, so that an old Node can run it and print the message about the required version.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `proofhouse: Node 22.18 or later is needed; this is ${process.versions.node}. See https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  await import('../src/main.ts');
}
