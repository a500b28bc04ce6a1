import { describe, expect, it } from 'vitest';
import { githubChecksum, hasGithubChecksum } from './github-checksum.ts';

// A token in the documented format with a valid checksum. It is written in two parts, so that secret scanners do not
// report this file.
const random = 'zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ';
const checksum = '0mLq17';

describe('the checksum of a GitHub token', () => {
  it('is the CRC-32 of the random part in base 62 with leading zeros', () => {
    expect(githubChecksum(random)).toBe(checksum);
  });

  it('is compared with the last six characters', () => {
    expect(hasGithubChecksum('ghp_' + random + checksum)).toBe(true);
    expect(hasGithubChecksum('ghp_' + random + '0mLq18')).toBe(false);
    expect(hasGithubChecksum('ghp_' + random.toLowerCase() + checksum)).toBe(false);
    expect(hasGithubChecksum('ghp_')).toBe(false);
  });
});
