// Exams for tests of time.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { call, newId } from './connect.mjs';
import { root } from './suite.mjs';
import { sign } from './tokens.mjs';

/** Publishes CLF-C02 with another duration; gives its id. */
export async function publishShort(suite, seconds) {
  const exam = JSON.parse(readFileSync(path.join(root, 'deploy/banks/clf-c02/exam.json'), 'utf8'));
  const examId = `CLF-${seconds}S`;
  await call(suite.http, 'invigil.itembank.v1.ExamService/PublishExam', { exam: { ...exam, examId, duration: `${seconds}s` }, requestId: newId('publish') }, await sign(suite, 'operator', 'harness'));
  return examId;
}
