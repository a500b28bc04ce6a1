// The program of a `ChildServer`: a server of its own process, under the umask that UMASK names.
import { runServer } from '@proofhouse/server';

const { UMASK, ...env } = process.env;
if (UMASK !== undefined) process.umask(Number.parseInt(UMASK, 8));
process.exitCode = await runServer({ env, flags: {} });
