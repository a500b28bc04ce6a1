// The program of a `ChildServer`: a server with the umask from UMASK.
import { runServer } from '@proofhouse/server';

const { UMASK, ...env } = process.env;
if (UMASK !== undefined) process.umask(Number.parseInt(UMASK, 8));
process.exitCode = await runServer({ env, flags: {} });
