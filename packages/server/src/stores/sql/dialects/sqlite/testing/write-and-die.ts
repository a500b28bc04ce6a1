// Writes settings named 0, 1, 2 … in a commit each, prints each name once it is committed, and dies as by `kill -9`:
// `node write-and-die.ts <file> <count> [value bytes]`.
import process from 'node:process';
import { openMetadataStore } from '../../../../open-metadata-store.ts';

const [file = '', count = '', valueBytes = '100'] = process.argv.slice(2);
const store = await openMetadataStore(`sqlite:${file}`);
for (let name = 0; name < Number(count); name++) {
  await store.settings.put(String(name), 'v'.repeat(Number(valueBytes)));
}
process.kill(process.pid, 'SIGKILL');
