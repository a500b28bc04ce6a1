// The program that `ChildServer` runs: a server whose umask is the value of the variable UMASK.
import { runServer } from '@proofhouse/server';

const { UMASK, ...env } = process.env;
if (UMASK !== undefined) process.umask(Number.parseInt(UMASK, 8));
process.exitCode = await runServer({ env, flags: {} });
