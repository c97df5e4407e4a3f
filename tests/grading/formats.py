"""The results of a submission, for Autolab and for Gradescope."""

import json
import os
import pathlib
import tempfile

from grading.report import cut, message
from grading.submission import number


def autolab_line(results):
    return json.dumps({'scores': {result.title: result.score
                                  for result in results.values()}})


def gradescope_tests(result):
    """Returns a stage as Gradescope's tests: one for each check."""
    if result.problem or not result.checks:
        return [{'score': 0, 'max_score': result.most, 'status': 'failed',
                 'name': result.title, 'name_format': 'text',
                 'number': result.number, 'output_format': 'text',
                 'output': cut(result.problem) + '\n' + cut(result.details),
                 'visibility': 'visible'}]
    tests = []
    for place, check in enumerate(result.checks, 1):
        passed = check['verdict'] == 'passed'
        worth = number(check['cents'] / 100)
        tests.append({
            'score': worth if passed else 0, 'max_score': worth,
            'status': 'passed' if passed else 'failed',
            'name': f'{result.title} {check["name"]}', 'name_format': 'text',
            'number': f'{result.number}.{place}',
            'output': check['what'] if passed else message(check),
            'output_format': 'text', 'tags': [result.title],
            'visibility': check['visibility']})
    return tests


def write_gradescope(path, results, problem, seconds):
    """Writes results.json, completely or not at all."""
    tests = [test for result in results.values()
             for test in gradescope_tests(result)]
    document = {'tests': tests, 'execution_time': round(seconds, 1),
                'stdout_visibility': 'hidden'}
    if problem:
        document.update(output='The grading has failed: ' + cut(problem),
                        output_format='text')
    path = pathlib.Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, 'w') as file:
        json.dump(document, file, indent=1)
    os.chmod(name, 0o644)
    os.replace(name, path)
