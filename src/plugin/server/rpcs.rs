//! The service's rpcs, each handed to its handler.

use std::pin::Pin;

use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{Service, absent, data_source, ephemeral, function, provider, resource, schema, upgrade};
use crate::plugin::proto::tfplugin5::{provider_server::Provider, *};

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Provider for Service {
    type ListResourceStream = Events<list_resource::Event>;
    type InvokeActionStream = Events<invoke_action::Event>;

    async fn get_metadata(&self, _: Request<get_metadata::Request>) -> Answered<get_metadata::Response> {
        // No CLI asks; multiplexers fall back to the schema.
        Err(Status::unimplemented("use GetSchema"))
    }

    async fn get_schema(&self, request: Request<get_provider_schema::Request>) -> Answered<get_provider_schema::Response> {
        self.answer("GetSchema", request, schema::get).await
    }

    async fn apply_resource_change(&self, request: Request<apply_resource_change::Request>) -> Answered<apply_resource_change::Response> {
        let asked = request.get_ref();
        let (prior, private) = (asked.prior_state.clone(), asked.planned_private.clone());
        let mut answer = self.answer("ApplyResourceChange", request, resource::apply).await?;
        let reached = answer.get_mut();
        // Without a state of its own the answer of a call that broke would say that the object is gone.
        if reached.new_state.is_none() {
            reached.new_state = prior;
            reached.private = private;
        }
        Ok(answer)
    }

    async fn list_resource(&self, request: Request<list_resource::Request>) -> Answered<Self::ListResourceStream> {
        let event = absent::list(request.get_ref());
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(event)))))
    }

    async fn invoke_action(&self, request: Request<invoke_action::Request>) -> Answered<Self::InvokeActionStream> {
        let event = absent::invoke(request.get_ref());
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(event)))))
    }

    async fn stop(&self, _: Request<stop::Request>) -> Answered<stop::Response> {
        tracing::info!("the user asked to stop");
        Service::stop(self);
        Ok(Response::new(stop::Response::default()))
    }

    async fn prepare_provider_config(
        &self,
        request: Request<prepare_provider_config::Request>,
    ) -> Answered<prepare_provider_config::Response> {
        self.answer("PrepareProviderConfig", request, provider::prepare).await
    }

    async fn validate_resource_type_config(
        &self,
        request: Request<validate_resource_type_config::Request>,
    ) -> Answered<validate_resource_type_config::Response> {
        self.answer("ValidateResourceTypeConfig", request, resource::validate).await
    }

    async fn validate_data_source_config(
        &self,
        request: Request<validate_data_source_config::Request>,
    ) -> Answered<validate_data_source_config::Response> {
        self.answer("ValidateDataSourceConfig", request, data_source::validate).await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Answered<upgrade_resource_state::Response> {
        self.answer("UpgradeResourceState", request, upgrade::state).await
    }

    async fn get_resource_identity_schemas(
        &self,
        request: Request<get_resource_identity_schemas::Request>,
    ) -> Answered<get_resource_identity_schemas::Response> {
        self.answer("GetResourceIdentitySchemas", request, schema::identities).await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<upgrade_resource_identity::Request>,
    ) -> Answered<upgrade_resource_identity::Response> {
        self.answer("UpgradeResourceIdentity", request, upgrade::identity).await
    }

    async fn configure(&self, request: Request<configure::Request>) -> Answered<configure::Response> {
        self.answer("Configure", request, provider::configure).await
    }

    async fn read_resource(&self, request: Request<read_resource::Request>) -> Answered<read_resource::Response> {
        self.answer("ReadResource", request, resource::read).await
    }

    async fn plan_resource_change(&self, request: Request<plan_resource_change::Request>) -> Answered<plan_resource_change::Response> {
        self.answer("PlanResourceChange", request, resource::plan).await
    }

    async fn import_resource_state(&self, request: Request<import_resource_state::Request>) -> Answered<import_resource_state::Response> {
        self.answer("ImportResourceState", request, resource::import).await
    }

    async fn move_resource_state(&self, request: Request<move_resource_state::Request>) -> Answered<move_resource_state::Response> {
        self.answer("MoveResourceState", request, absent::move_state).await
    }

    async fn read_data_source(&self, request: Request<read_data_source::Request>) -> Answered<read_data_source::Response> {
        self.answer("ReadDataSource", request, data_source::read).await
    }

    async fn generate_resource_config(
        &self,
        request: Request<generate_resource_config::Request>,
    ) -> Answered<generate_resource_config::Response> {
        self.answer("GenerateResourceConfig", request, absent::generate_config).await
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<validate_ephemeral_resource_config::Request>,
    ) -> Answered<validate_ephemeral_resource_config::Response> {
        self.answer("ValidateEphemeralResourceConfig", request, ephemeral::validate).await
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<open_ephemeral_resource::Request>,
    ) -> Answered<open_ephemeral_resource::Response> {
        self.answer("OpenEphemeralResource", request, ephemeral::open).await
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<renew_ephemeral_resource::Request>,
    ) -> Answered<renew_ephemeral_resource::Response> {
        self.answer("RenewEphemeralResource", request, ephemeral::renew).await
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<close_ephemeral_resource::Request>,
    ) -> Answered<close_ephemeral_resource::Response> {
        self.answer("CloseEphemeralResource", request, ephemeral::close).await
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<validate_list_resource_config::Request>,
    ) -> Answered<validate_list_resource_config::Response> {
        self.answer("ValidateListResourceConfig", request, absent::validate_list).await
    }

    async fn get_functions(&self, request: Request<get_functions::Request>) -> Answered<get_functions::Response> {
        self.answer("GetFunctions", request, schema::get_functions).await
    }

    async fn call_function(&self, request: Request<call_function::Request>) -> Answered<call_function::Response> {
        self.answer("CallFunction", request, function::call).await
    }

    async fn plan_action(&self, request: Request<plan_action::Request>) -> Answered<plan_action::Response> {
        self.answer("PlanAction", request, absent::plan_action).await
    }

    async fn validate_action_config(
        &self,
        request: Request<validate_action_config::Request>,
    ) -> Answered<validate_action_config::Response> {
        self.answer("ValidateActionConfig", request, absent::validate_action).await
    }
}
