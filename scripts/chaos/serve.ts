// Runs a server in a process of its own, configured by its environment. The chaos runs kill this process.
import process from 'node:process';
import { runServer } from '@proofhouse/server';

process.exitCode = await runServer({ env: process.env, flags: {} });
