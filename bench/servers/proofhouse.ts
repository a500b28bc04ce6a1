// Runs a Proofhouse server in its own process, configured by environment variables.
import process from 'node:process';
import { runServer } from '@proofhouse/server';

process.exitCode = await runServer({ env: process.env, flags: {} });
