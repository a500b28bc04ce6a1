// A Proofhouse server in a process of its own, set by the environment it is given.
import process from 'node:process';
import { runServer } from '@proofhouse/server';

process.exitCode = await runServer({ env: process.env, flags: {} });
