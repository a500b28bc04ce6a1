// A server in a process of its own, set by its environment: what the chaos runs kill.
import process from 'node:process';
import { runServer } from '@proofhouse/server';

process.exitCode = await runServer({ env: process.env, flags: {} });
