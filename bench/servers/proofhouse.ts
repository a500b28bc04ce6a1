// A Proofhouse server in a process of its own, configured by its environment.
import process from 'node:process';
import { runServer } from '@proofhouse/server';

process.exitCode = await runServer({ env: process.env, flags: {} });
