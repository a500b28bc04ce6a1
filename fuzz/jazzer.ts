// Finds Jazzer.js (libFuzzer for Node) and a Node that can load it. Jazzer is no dependency, because its native addon
// needs a newer system than the rest of the repository. Only `npm run fuzz` uses it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const version = '4.0.0';

const howTo = `Fuzzing needs @jazzer.js/core ${version}, which is no dependency of the repository:
  npm install --prefix <folder> --save-exact @jazzer.js/core@${version}
  export FUZZ_JAZZER=<folder>
Its addon needs glibc 2.38 or newer. Where the system's is older, unpack a newer libc6, libstdc++6 and libgcc-s1 (their
packages, without installing them) into a folder, and say how to start Node with them:
  export FUZZ_NODE="<libraries>/ld-linux-x86-64.so.2 --library-path <libraries> <node>"`;

export interface Jazzer {
  /** Runs a bundle with options of libFuzzer. Passes all output to `onText` and returns the exit code. */
  readonly run: (
    bundle: string,
    folders: readonly string[],
    options: readonly string[],
    onText: OnText,
  ) => Promise<number>;
}

export type OnText = (text: string) => void;

/**
 * Returns a Jazzer after starting it once to check it. If this machine has no working Jazzer, throws an error with
 * instructions.
 */
export async function findJazzer(): Promise<Jazzer> {
  const [program = process.execPath, ...args] = (process.env['FUZZ_NODE'] ?? process.execPath).split(/\s+/);
  const cli = cliOf(process.env['FUZZ_JAZZER']);
  const start = async (more: readonly string[], onText: OnText): Promise<number> => {
    const child = spawn(program, [...args, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = (): void => void child.kill();
    process.once('exit', stop);
    child.stdout.on('data', (chunk: Buffer) => onText(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => onText(chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    process.off('exit', stop);
    return code ?? 1;
  };
  let said = '';
  const probe = `require(${JSON.stringify(createRequire(cli).resolve('@jazzer.js/fuzzer'))})`;
  const code = await start(['-e', probe], (text) => (said += text)).catch((error: unknown) => {
    said = String(error);
    return 1;
  });
  if (code !== 0) throw new Error(`${howTo}\n\nIt was found, but does not start:\n${said.trim()}`);
  return {
    run: (bundle, folders, options, onText) => start([cli, bundle, ...folders, '--', ...options], onText),
  };
}

function cliOf(folder: string | undefined): string {
  const from = folder === undefined ? import.meta.filename : path.join(path.resolve(folder), 'x.js');
  try {
    return createRequire(from)
      .resolve('@jazzer.js/core')
      .replace(/core\.js$/, 'cli.js');
  } catch {
    throw new Error(howTo);
  }
}
