// Runs a server in its own process, configured by its environment variables. The chaos scripts kill this process.
import process from 'node:process';
import { runServer } from '@proofhouse/server';

process.exitCode = await runServer({ env: process.env, flags: {} });
