"""HTTP for all subjects: requests read strictly, answers, problems, streams, the OpenAPI document."""
