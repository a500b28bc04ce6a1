export { checkStorage, type FindingKind } from './artifacts/check-storage.ts';
export { compose, type Server, type Surroundings } from './compose.ts';
export { completeConfig, type Config } from './config/config.ts';
export { loadConfig, type ConfigSources } from './config/load-config.ts';
export { settings, type Setting } from './config/settings.ts';
export { openApiDocument } from './http/openapi.ts';
export { ManualClock } from './kernel/manual-clock.ts';
export { makeLogger } from './kernel/logger.ts';
export { runServer, type RunOptions } from './run-server.ts';
