"""Programs for the environment of the SageMaker SDK (.venv-sdk): they know nothing of this project, and answer in JSON.

The SDK is the reference: it knows where AWS keeps its images, and what a training request carries. It is never imported
by anything else, for it takes seconds to do so.
"""
