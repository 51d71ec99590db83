"""The CDK app: `cdk deploy -c stage=NAME [-c compute=serverless|eks]`, or `python app.py` with the same options."""

from cdk.application import main

if __name__ == "__main__":
    main()
